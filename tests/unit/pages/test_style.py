"""The style sheet keeps its promises: every pair of colours that carries words is readable, in both themes."""

import re

import pytest

from trailmark.pages.templates import STATIC

SHEET = (STATIC / "trailmark.css").read_text()
TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", SHEET
    )
}
GROUNDS = ("paper", "sheet", "sunk")
WORDS = ("ink", "ink-2", "ink-3", "water", "forest", "rust", "amber", "contour-ink")
CODE = ("c-word", "c-text", "c-number", "c-quiet", "c-name", "c-odd")
PAIRS = [
    *((words, ground) for words in WORDS for ground in GROUNDS),
    *((words, "sunk") for words in CODE),
    ("on-forest", "forest"),
    ("on-forest", "forest-2"),
    ("on-forest", "rust"),
    ("forest", "forest-wash"),
    ("water", "water-wash"),
    ("rust", "rust-wash"),
    ("amber", "amber-wash"),
    ("ink", "sticky"),
    ("ink-2", "sticky"),
    ("ink-2", "rust-wash"),
    ("paper", "ink"),
]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("words", "ground"), PAIRS)
def test_words_can_be_read(words: str, ground: str, theme: int) -> None:
    assert contrast(TOKENS[words][theme], TOKENS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_the_focus_can_be_seen(theme: int) -> None:
    for ground in GROUNDS:
        assert contrast(TOKENS["focus"][theme], TOKENS[ground][theme]) >= 3


def test_every_token_that_is_used_is_defined() -> None:
    defined = set(re.findall(r"(--[a-z0-9-]+):", SHEET))
    assert set(re.findall(r"var\((--[a-z0-9-]+)", SHEET)) <= defined


def test_motion_and_paper_are_respected() -> None:
    assert "prefers-reduced-motion: reduce" in SHEET
    assert "@media print" in SHEET
    assert ":focus-visible" in SHEET
