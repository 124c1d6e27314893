"""A tool is made once for a base; an environment gets it without being changed."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from trailmark.engines.images import Image, reference_of
from trailmark.engines.recipe import render
from trailmark.engines.tool_layer import PARENT_LABEL, TOOLS, digest_of, made_tool, with_tool

PARENT = Image("a" * 64, reference_of("a" * 64), "sha256:1", 1, "2026")
MADE = Image("b" * 64, reference_of("b" * 64, "tool"), "sha256:2", 1, "2026")
WORDS = st.lists(st.from_regex(r"[a-z][a-z0-9.+-]{0,10}", fullmatch=True), max_size=3)


def dockerfile(recipe):
    return render(recipe, programs={"uv": b""}).dockerfile


@given(WORDS, WORDS)
def test_the_same_description_is_the_same_image(build, run):
    one, two = (made_tool("debian:12", "x", build, run) for _ in range(2))
    assert dockerfile(one) == dockerfile(two)
    assert digest_of(one) == digest_of(two)
    assert digest_of(one) != digest_of(made_tool("debian:11", "x", build, run))
    assert digest_of(one) != digest_of(made_tool("debian:12", "x", build, [*run, "true"]))


def test_an_environment_with_a_tool_is_named_by_both():
    recipe = with_tool(PARENT, "x", MADE, ())
    assert f"FROM {PARENT.reference}\n" in dockerfile(recipe)
    assert f'COPY --from={MADE.reference} ["{TOOLS}", "{TOOLS}"]' in dockerfile(recipe)
    other_tool = replace(MADE, reference=reference_of("c" * 64, "tool"))
    other_lock = replace(PARENT, reference=reference_of("d" * 64))
    digests = {
        digest_of(with_tool(parent, "x", made, apt))
        for parent in (PARENT, other_lock)
        for made in (MADE, other_tool, None)
        for apt in ((), ("tree",))
    }
    assert len(digests) == 12


def test_an_environment_that_was_built_again_gets_the_tool_again():
    again = replace(PARENT, id="sha256:9")
    before, after = (with_tool(parent, "x", MADE, ()) for parent in (PARENT, again))
    assert digest_of(before) == digest_of(after)
    assert before.labels[PARENT_LABEL] != after.labels[PARENT_LABEL]


def test_packages_for_building_are_in_no_image_that_runs():
    made = made_tool("debian:12", "x", ["g++"], [f"touch {TOOLS}/x"])
    assert [layer.name for layer in made.layers] == ["tool-packages", "tool-x"]
    assert "g++" not in dockerfile(with_tool(PARENT, "x", MADE, ()))
