"""Names of projects: a refusal suggests one that is allowed and still reads like what was asked for."""

import pytest

from trailmark.errors import InvalidInput
from trailmark.projects.names import check_project_name, suggest_name


@pytest.mark.parametrize(
    ("asked", "suggested"),
    [
        ("Bäume & Wörter", "baeume-woerter"),
        ("Données été", "donnees-ete"),
        ("Große Straße", "grosse-strasse"),
        ("雨", "my-project"),
        ("con", "my-con"),
    ],
)
def test_a_refusal_suggests_a_name_that_is_allowed(asked: str, suggested: str) -> None:
    assert check_project_name(suggest_name(asked)) == suggested
    with pytest.raises(InvalidInput, match=f"for example {suggested}"):
        check_project_name(asked)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("con", "Windows keeps “con” for a device"),
        ("LPT1.data", "Windows keeps “LPT1” for a device"),
        ("work.git", "Git keeps names"),
        ("work.", "end with a dot"),
        ("a..b", "two in a row"),
        ("-x", "starting with a letter or a digit"),
    ],
)
def test_a_refusal_gives_the_real_reason(asked: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        check_project_name(asked)
