"""Snippets: what is let through, and what is refused with its line and its reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trailmark.engines.recipe import CacheMount, Instruction
from trailmark.environments.snippets import name_of_path, parse_snippet
from trailmark.errors import InvalidInput

GOOD = """# Fonts for the figures
ENV OMP_NUM_THREADS=2 TITLE="two words" EMPTY=
run --mount=type=cache,target=/var/cache/apt apt-get update \\
    # a remark between
    && apt-get install -y fonts-liberation
RUN ["fc-cache", "-f"]
"""


def test_run_and_env_are_let_through():
    snippet = parse_snippet("10-fonts", GOOD)
    assert snippet.text == GOOD
    assert snippet.path == "environment/snippets/10-fonts.dockerfile"
    assert name_of_path(snippet.path) == "10-fonts"
    assert name_of_path("code/10-fonts.dockerfile") is None


@pytest.mark.parametrize(
    "text",
    [
        "RUN --mount=type=cache,target=/x true",
        "RUN \\\n  --mount=type=cache,target=/x true",
        "run --mount=target=/x,type=cache  \\\n # a remark\n true",
    ],
)
def test_a_cache_is_read_as_engines_read_it(text):
    [instruction] = parse_snippet("10-a", text).instructions
    assert instruction == Instruction("RUN", "true", (CacheMount("/x"),))


def test_line_ends_and_the_last_line_are_made_the_same():
    one, other = (
        parse_snippet("10-a", "RUN true\r\nRUN false"),
        parse_snippet("10-a", "RUN true\nRUN false\n"),
    )
    assert one == other
    assert one.digest != parse_snippet("10-a", "RUN true\n").digest


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "does nothing"),
        ("# only a remark\n", "does nothing"),
        ("RUN", "nothing behind"),
        ("RUN true\nCOPY a b\n", "line 2.*COPY"),
        ("ADD a b", "ADD"),
        ("FROM debian", "FROM"),
        ("USER ada", "USER"),
        ("ENTRYPOINT x", "ENTRYPOINT"),
        ("VOLUME /x", "VOLUME"),
        ("ONBUILD RUN x", "ONBUILD"),
        ("ARG X=1", "ARG"),
        ("RUN --mount=type=bind,target=/x true", "type=cache"),
        ("RUN --mount=type=secret,id=x true", "type=cache"),
        ("RUN --mount=type=cache,from=other,target=/x true", "type=cache"),
        ("RUN --mount=type=cache,target=/y,FROM=some-image,SOURCE=/etc true", "type=cache"),
        ("RUN --mount=type=cache,target=/y,From=some-image true", "type=cache"),
        ("RUN --mount=type=cache,target=/y,fr\\\nom=some-image true", "type=cache"),
        ('RUN --mount=type=cache,target=/y,"from=some-image" true', "type=cache"),
        ("RUN --mount=type=cache,target=/y,'fr'om=some-image true", "type=cache"),
        ("RUN --mount=type=cache,target=/y,f\\rom=some-image true", "type=cache"),
        ("RUN --mount=type=cache,id=trailmark-var-cache-uv,target=/x true", "type=cache"),
        ("RUN --mount=type=bind,type=cache,target=/x true", "type=cache"),
        ("RUN --mount=type=cache,type=bind,target=/x true", "type=cache"),
        ("RUN --mount=type=cache,target=/x,target=/y true", "type=cache"),
        ("RUN --mount=type=cache,target=/x --mount=type=bind,target=/y true", "type=cache"),
        ("RUN --mount=type=cache,target=$HOME true", "type=cache"),
        ("RUN --mount=type=cache,target=/x,sharing=none true", "shared"),
        ("RUN --mount=type=cache,target=/x/../etc true", "folder"),
        ("RUN --mount=type=cache,target=x true", "folder"),
        ("RUN --mount=type=cache true", "folder"),
        ("RUN --mount=type=cache,target=/x", "nothing behind"),
        ("RUN \\\n--mount=type=secret,id=x true", "type=cache"),
        ("RUN -- true", "type=cache"),
        ("RUN cat 0<<1", "<<"),
        ("RUN --network=host true", "type=cache"),
        ("RUN --security=insecure true", "type=cache"),
        ("RUN cat <<EOF\nx\nEOF\n", "<<"),
        ("ENV LD_PRELOAD=/x.so", "LD_PRELOAD"),
        ("ENV A=1 TRAILMARK_CAPTURE=x", "TRAILMARK"),
        ("ENV A b", "NAME=value"),
        ("ENV A='b", "NAME=value"),
        ("# syntax=docker/dockerfile:1\nRUN true", "syntax"),
        ("#escape=`\nRUN true", "escape"),
        ("RUN true \\", "goes on"),
        ("RUN a\0b", "cannot be shown"),
        ("RUN a\x1b[0m", "cannot be shown"),
        ("1RUN", "RUN and ENV"),
    ],
)
def test_all_else_is_refused(text, word):
    with pytest.raises(InvalidInput, match=word):
        parse_snippet("10-x", text)


@pytest.mark.parametrize("name", ["fonts", "1-x", "10-X", "10-", "10-a/b", "../10-a", "10-a.b", ""])
def test_names(name):
    with pytest.raises(InvalidInput, match="two digits"):
        parse_snippet(name, "RUN true")


@settings(max_examples=1000, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.sampled_from(["", "RUN ", "ENV ", "RUN --"]),
)
def test_anything_is_read_or_refused(text, before):
    try:
        snippet = parse_snippet("10-x", before + text)
    except InvalidInput:
        return
    assert parse_snippet("10-x", snippet.text) == snippet
