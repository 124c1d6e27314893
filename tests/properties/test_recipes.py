"""Dockerfiles: the same from the same recipe, and nothing that comes from outside becomes an instruction."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from trailmark.engines.recipe import Layer, Recipe, render
from trailmark.errors import InvalidInput

HOSTILE = st.sampled_from(
    [
        "\nRUN evil",
        "\r\nRUN evil",
        '"',
        "\\",
        "$A",
        "${A}",
        "`id`",
        "'",
        "#",
        " ",
        "\t",
        "\u2028",
        "é",
        "--mount=x",
    ]
)
TEXTS = st.lists(HOSTILE | st.text(max_size=4), max_size=6).map("".join)
NAMES = st.sampled_from(["pip", "apt", "conda-1"]) | TEXTS
TABLES = st.dictionaries(st.sampled_from(["A", "B_1", "c"]) | TEXTS, TEXTS, max_size=3)
FILES = st.dictionaries(TEXTS.filter(bool), st.binary(max_size=8), max_size=3)


@st.composite
def recipes(draw):
    layers = []
    for name in draw(st.lists(NAMES, max_size=4)):
        lines = tuple(draw(st.lists(TEXTS, max_size=3)))
        caches = tuple(
            draw(st.lists(st.sampled_from(["/var/cache/uv", "/var/cache/apt"]) | TEXTS, max_size=2))
        )
        try:
            layers.append(Layer(name, lines, draw(FILES), caches, env=draw(TABLES)))
        except InvalidInput:
            continue
    try:
        return Recipe("debian:12", tuple(layers), draw(TABLES))
    except InvalidInput:
        return Recipe("debian:12", tuple(layers))


def read(quoted: str) -> str:
    """Read a quoted value as Docker does."""
    assert (quoted[0], quoted[-1]) == ('"', '"')
    assert not re.search(r'(?<!\\)(?:\\\\)*[$"]', quoted[1:-1])
    return re.sub(r"\\(.)", r"\1", quoted[1:-1])


@given(recipes())
def test_every_line_is_an_instruction_that_the_recipe_asks_for(recipe):
    lines = render(recipe).dockerfile.removesuffix("\n").split("\n")
    expected = ["FROM debian:12", "USER root"]
    for layer in recipe.layers:
        expected += [f"ENV {name}" for name in sorted(layer.env)] + (["RUN"] if layer.run else [])
    expected += [f"LABEL {name}" for name in sorted(recipe.labels)]
    found = [line for line in lines if line]
    assert len(found) == len(expected)
    for line, begin in zip(found, expected, strict=True):
        assert line.startswith(begin)
        assert "\r" not in line


@given(recipes())
def test_values_arrive_as_they_were_given(recipe):
    lines = render(recipe).dockerfile.split("\n")
    given = [value for layer in recipe.layers for _, value in sorted(layer.env.items())]
    given += [value for _, value in sorted(recipe.labels.items())]
    found = [line.partition("=")[2] for line in lines if line.startswith(("ENV ", "LABEL "))]
    assert [read(value) for value in found] == given
    runs = [json.loads(line[line.index("[") :]) for line in lines if line.startswith("RUN ")]
    assert [(run[2], run[3]) for run in runs] == [(one.name, one.digest) for one in recipe.layers if one.run]


@given(recipes())
def test_the_same_recipe_gives_the_same_bytes(recipe):
    turned = Recipe(
        recipe.base,
        tuple(
            Layer(
                layer.name,
                layer.run,
                dict(reversed(layer.files.items())),
                layer.caches,
                layer.needs,
                dict(reversed(layer.env.items())),
            )
            for layer in recipe.layers
        ),
        dict(reversed(recipe.labels.items())),
    )
    assert render(turned).pack() == render(recipe).pack()


@given(st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=5))
def test_an_earlier_layer_does_not_change_when_a_later_one_does(names):
    before = render(Recipe("debian", tuple(Layer(name, ("true",)) for name in names))).dockerfile
    after = render(
        Recipe("debian", (*(Layer(name, ("true",)) for name in names), Layer("new", ("x",))))
    ).dockerfile
    assert after.startswith(before)
