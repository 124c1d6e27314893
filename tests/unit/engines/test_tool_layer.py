"""A tool is made once for a base; an environment gets it without being changed."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from trailmark.engines.images import Image, reference_of
from trailmark.engines.recipe import render
from trailmark.engines.tool_layer import PARENT_LABEL, TOOLS, digest_of, made_tool, tool_layer, with_tool

ROOT = Path(__file__).parents[3]
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


def test_each_package_of_our_own_layer_is_locked_with_its_hashes():
    layer = tool_layer()
    [text] = (data.decode() for data in layer.files.values())
    entries = [entry for entry in text.replace("\\\n", " ").splitlines() if entry]
    assert all(re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    assert "://" not in text
    locked = {entry.split("==")[0] for entry in entries}
    assert locked >= {"ipykernel", "jupyter-client", "jupyter-server", "jupyterlab", "tornado"}
    assert any("--require-hashes" in line for line in layer.run)


def test_our_own_layer_is_locked_at_the_versions_that_are_tested():
    text = (ROOT / "uv.lock").read_text(encoding="utf-8")
    tested = {(one["name"], one.get("version")) for one in tomllib.loads(text)["package"]}
    [lock] = (data.decode() for data in tool_layer().files.values())
    assert set(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE)) <= tested
