"""Whatever stands in a snippet: it is taken up or clearly refused, and nothing but RUN and ENV comes through."""

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from trailmark.environments.snippets import Snippet, parse_snippet
from trailmark.errors import InvalidInput

MANY = settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PIECES = st.sampled_from(
    [
        *(
            "RUN ",
            "ENV A=1",
            "ENV ",
            "FROM x",
            "COPY a b",
            "USER root",
            "SHELL [",
            "--mount=type=cache,target=/x ",
        ),
        *(
            "<<E",
            "\\",
            "\n",
            "\r\n",
            "\r",
            "#",
            "# syntax=x",
            "# escape=`",
            "&& ",
            '"',
            "'",
            "$A",
            "\t",
            "\0",
        ),
        *("\u2028", "é", " "),
    ]
)
TEXT = st.lists(PIECES | st.text(max_size=5), max_size=10).map("".join)


@MANY
@given(text=TEXT | st.text(max_size=200))
@example(text="RUN a\\\n" * 5000)
@example(text="RUN " + "x" * 49_000)
@example(text="RUN a <<E\nUSER root\nE\n")
@example(text="RUN a\u2028USER root\n")
def test_any_text_is_taken_up_or_refused(text):
    snippet = taken_up("10-a", text)
    if snippet is None:
        return
    assert parse_snippet("10-a", snippet.text) == snippet
    assert {line.split()[0].upper() for line in logical_lines(snippet.text)} <= {"RUN", "ENV"}


@MANY
@given(name=st.text(max_size=12) | st.from_regex(r"[0-9]{1,3}-?[a-z/.-]{0,6}", fullmatch=True))
def test_any_name_is_taken_up_or_refused(name):
    snippet = taken_up(name, "RUN true\n")
    assert snippet is None or "/" not in snippet.name


def taken_up(name: str, text: str) -> Snippet | None:
    try:
        return parse_snippet(name, text)
    except InvalidInput as refusal:
        said = str(refusal)
    assert 0 < len(said) < 1000
    return None


def logical_lines(dockerfile: str) -> list[str]:
    """Return the instructions as Docker counts them: comments are no lines, and a backslash at the end goes on."""
    lines = [line for line in dockerfile.split("\n") if not line.lstrip().startswith("#")]
    found = [""]
    for line in lines:
        found[-1] += line.rstrip().removesuffix("\\")
        if not line.rstrip().endswith("\\"):
            found.append("")
    return [line for line in found if line.strip()]
