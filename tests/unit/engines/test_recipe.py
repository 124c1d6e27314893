import io
import re
import tarfile

import pytest

from trailmark.engines.recipe import CacheMount, Fragment, Instruction, Layer, Recipe, render
from trailmark.errors import InvalidInput

APT = Layer("apt", ("apt-get install -y gdal",), {"sources.list": b"deb x"}, caches=("/var/cache/apt",))
PIP = Layer("pip", ("uv pip sync pylock.toml",), {"pylock.toml": b""}, needs=("uv",), env={"A": "1"})

FONTS = Fragment("10-fonts", (Instruction("RUN", "fc-cache"), Instruction("ENV", "B=2")))


def test_a_recipe_becomes_a_dockerfile_of_its_layers_in_order():
    rendered = render(
        Recipe("debian:12", (APT, FONTS, PIP), {"b": "x", "a": "y"}),
        programs={"uv": b"ELF"},
    )
    assert rendered.dockerfile == (
        "FROM debian:12\n"
        "USER root\n"
        "\n"
        "RUN --mount=type=bind,source=layers/01-apt,target=/run/trailmark "
        "--mount=type=cache,id=trailmark-var-cache-apt,target=/var/cache/apt,sharing=locked "
        f'["/bin/sh", "/run/trailmark/run.sh", "apt", "{APT.digest}"]\n'
        "\n"
        "# 10-fonts\n"
        "RUN fc-cache\n"
        "ENV B=2\n"
        "\n"
        'ENV A="1"\n'
        "RUN --mount=type=bind,source=layers/03-pip,target=/run/trailmark "
        "--mount=type=bind,source=programs,target=/run/trailmark-programs "
        f'["/bin/sh", "/run/trailmark/run.sh", "pip", "{PIP.digest}"]\n'
        "\n"
        'LABEL a="y"\n'
        'LABEL b="x"\n'
    )
    assert sorted(rendered.context) == [
        "layers/01-apt/files/.empty",
        "layers/01-apt/files/sources.list",
        "layers/01-apt/run.sh",
        "layers/03-pip/files/.empty",
        "layers/03-pip/files/pylock.toml",
        "layers/03-pip/run.sh",
        "programs/uv",
    ]


def test_certificates_are_lent_to_each_layer_and_are_in_no_image():
    rendered = render(Recipe("debian", (APT,)), certificates=b"PEM")
    assert rendered.dockerfile.startswith(
        'FROM scratch AS trailmark-trust\nCOPY ["trust", "/trailmark-trust"]\n\nFROM'
    )
    assert "--mount=type=bind,from=trailmark-trust,source=/trailmark-trust," in rendered.dockerfile
    assert rendered.context["trust/ca.crt"] == b"PEM"
    assert APT.digest in render(Recipe("debian", (APT,))).dockerfile


def test_without_caches_everything_is_fetched_anew():
    kept = (CacheMount("/x"), CacheMount("/y", "locked", "0700"))
    recipe = Recipe("debian", (APT, Fragment("10-x", (Instruction("RUN", "a --mount=b", kept),), "e1")))
    dockerfile = render(recipe, caches=False).dockerfile
    assert "type=cache" not in dockerfile
    assert "\nRUN --mount=type=tmpfs,target=/x --mount=type=tmpfs,target=/y a --mount=b\n" in dockerfile
    assert ",target=/y,sharing=locked,mode=0700 a --mount=b\n" in render(recipe).dockerfile


def test_what_a_cache_keeps_is_found_by_its_own_environment_only():
    def places(scope: str, name: str = "10-x") -> list[str]:
        fragment = Fragment(name, (Instruction("RUN", "a", (CacheMount("/x"), CacheMount("/y"))),), scope)
        return re.findall(r"id=([^,]+),", render(Recipe("debian", (fragment,))).dockerfile)

    assert places("e1") == places("e1")
    assert len({*places("e1"), *places("e2"), *places("e1", "20-x")}) == 6
    assert not any(place.startswith("trailmark-var") for place in places("e1"))


@pytest.mark.parametrize("rest", ["--mount=type=bind,target=/x true", "a\nCOPY a b", "a\rb"])
def test_an_instruction_is_one_line_and_has_no_flags_of_its_own(rest):
    with pytest.raises(InvalidInput):
        Instruction("RUN", rest)
    with pytest.raises(InvalidInput):
        Instruction("COPY", "a b")


def test_the_archive_holds_programs_that_can_be_run_and_nothing_of_this_machine():
    packed = render(Recipe("debian", (PIP,)), programs={"uv": b"ELF"}).pack()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        modes = {member.name: oct(member.mode) for member in archive}
        assert {member.mtime for member in archive} == {0}
    assert (modes["programs/uv"], modes["Dockerfile"]) == ("0o755", "0o644")
    # BuildKit knows an archive by its first bytes, and takes none that begins with a header of its own kind.
    assert packed[257:262] == b"ustar"


@pytest.mark.parametrize(
    "base", ["", "-x", "a b", "a\nRUN x", "a$B", "x@sha256:12", "trailmark-trust", "trailmark-trust:1", "{a}"]
)
def test_what_can_be_no_base_is_refused(base):
    with pytest.raises(InvalidInput):
        Recipe(base)


def test_bases_are_named_as_everywhere():
    for base in ("scratch", "debian:12", "registry.example:5000/a/b-c_d:1.0", f"r/x:2@sha256:{'0' * 64}"):
        assert render(Recipe(base)).dockerfile.startswith(f"FROM {base}\n")


@pytest.mark.parametrize(
    "facts",
    [
        {"name": "A"},
        {"name": "a/../b"},
        {"name": ""},
        {"run": ("a\nb",)},
        {"run": ("a\0",)},
        {"run": ("\ud800",)},
        {"files": {"/etc/passwd": b""}},
        {"files": {"../x": b""}},
        {"files": {"a//b": b""}},
        {"files": {"": b""}},
        {"files": {"a": b"", "a/b": b""}},
        {"files": {"a\nb": b""}},
        {"caches": ("var/cache",)},
        {"caches": ("/var/../etc",)},
        {"caches": ("/x,from=evil",)},
        {"needs": ("../uv",)},
        {"env": {"A B": ""}},
        {"env": {"A": "x\nRUN evil"}},
        {"env": {"A": "x\rRUN evil"}},
    ],
)
def test_what_could_become_another_instruction_is_refused(facts):
    with pytest.raises(InvalidInput):
        Layer(**{"name": "a", **facts})


def test_labels_are_checked():
    for labels in ({"A": ""}, {"a b": ""}, {"a": "x\n"}):
        with pytest.raises(InvalidInput):
            Recipe("debian", labels=labels)


def test_a_program_that_is_not_given_is_named():
    with pytest.raises(InvalidInput, match="uv"):
        render(Recipe("debian", (PIP,)))


def test_what_a_script_sees_makes_its_digest():
    assert APT.digest != Layer("apt", APT.run, {"sources.list": b"deb y"}).digest
    assert APT.digest != Layer("apt", ("other",), APT.files).digest
    assert Layer("a", (), {"a": b"bc"}).digest != Layer("a", (), {"ab": b"c"}).digest
