"""From a lock over all managers to the recipe of its image."""

import re
from dataclasses import replace

import pytest

from trailmark.engines.images import Image
from trailmark.engines.recipe import Fragment, Layer, render
from trailmark.environments.bases.model import Base, Debootstrap, LocalImage, RegistryImage
from trailmark.environments.managers.model import ManagerLock, Step
from trailmark.environments.model import parse_lock
from trailmark.environments.snippets import parse_snippet
from trailmark.environments.whole.model import LockFile, WholeLock
from trailmark.environments.whole.recipe import STEPS_LABEL, image_of, recipe_of, shortened
from trailmark.errors import InvalidInput, Unavailable

TOOLS = Layer("tools", ("true",))
PIP = 'lock-version = "1.0"\ncreated-by = "uv"\nrequires-python = ">=3.11"\npackages = []\n'
BASE = Base("maps", 3, "Maps", "", RegistryImage("debian:12", "sha256:" + "0" * 64))


class Manager:
    """Reads any lock and installs it in one step."""

    def __init__(self, name: str) -> None:
        self.name = name

    def parse(self, text: str) -> ManagerLock:
        return ManagerLock(self.name, "lock", text, "0", ())

    def install_steps(self, lock: ManagerLock) -> tuple[Step, ...]:
        return (Step(self.name, ("install",), {"lock": lock.text}, ("/var/cache/x",)),)


MANAGERS = {name: Manager(name) for name in ("conda", "apt", "r")}


def lock(**facts) -> WholeLock:
    return replace(WholeLock(parse_lock(PIP, ">=3.11"), ">=3.11", base=BASE), **facts)


def test_layers_are_in_the_order_in_which_they_need_each_other():
    others = {name: LockFile(name, f"{name}\n") for name in ("r", "conda", "apt")}
    snippets = (parse_snippet("10-fonts", "RUN fc-cache\n"),)
    recipe = recipe_of(lock(others=others, snippets=snippets), MANAGERS, TOOLS)
    names = [layer.name for layer in recipe.layers]
    assert names == ["tools", "apt", "conda", "r", "conda-path", "python", "10-fonts"]
    assert isinstance(recipe.layers[-1], Fragment)
    assert recipe.base == f"debian:12@sha256:{'0' * 64}"
    dockerfile = render(recipe, programs={"uv": b""}).dockerfile
    assert 'ENV PATH="/opt/conda/bin:$PATH"' in dockerfile
    assert "RUN fc-cache" in dockerfile


def test_another_package_changes_only_the_last_layers():
    other = lock(pip=parse_lock(PIP + "# other\n", ">=3.11"))
    one, two = (recipe_of(each, MANAGERS, TOOLS).layers for each in (lock(), other))
    assert one[:-1] == two[:-1]
    assert one[-1] != two[-1]


def test_pythons_packages_are_installed_by_their_hashes_into_a_python_that_fits():
    python = recipe_of(lock(python="==3.12.*"), MANAGERS, TOOLS).layers[-1]
    assert isinstance(python, Layer)
    assert "--python '==3.12.*,>=3.11' /opt/python" in python.run[1]
    assert "--require-hashes" in python.run[2]
    assert python.files["pylock.toml"] == PIP.encode()


def test_a_python_that_conda_brings_is_the_one_that_pips_packages_go_on_top_of():
    others = {"conda": LockFile("conda", "conda\n")}
    python = recipe_of(lock(others=others), MANAGERS, TOOLS).layers[-1]
    assert isinstance(python, Layer)
    assert "--system-site-packages --python /opt/conda/bin/python /opt/python" in python.run[1]
    assert "[ ! -e /opt/conda/bin/python ] ||" in python.run[1]
    assert "--python '>=3.11' /opt/python" in python.run[2]


def test_without_a_base_it_says_to_choose_one():
    with pytest.raises(InvalidInput, match="trailmark env base"):
        recipe_of(lock(base=None), MANAGERS, TOOLS)
    with pytest.raises(Unavailable, match="conda"):
        recipe_of(lock(others={"conda": LockFile("conda", "")}), {}, TOOLS)


def test_each_kind_of_base_has_a_name():
    assert image_of(replace(BASE, source=LocalImage("mine:1"))) == "mine:1"
    made = {
        image_of(replace(BASE, source=Debootstrap("bookworm", include=packages)))
        for packages in ((), ("gdal",))
    }
    assert len(made) == 2
    assert all(re.fullmatch(r"trailmark/base-maps:3-[0-9a-f]{16}", name) for name in made)


def test_only_an_image_of_a_registry_is_looked_for_in_one():
    local = replace(BASE, source=LocalImage("mine:1"))
    made = replace(BASE, source=Debootstrap("bookworm"))
    there = replace(BASE, source=RegistryImage("debian:12"))
    found = [recipe_of(lock(base=base), MANAGERS, TOOLS).is_of_a_registry for base in (local, made, there)]
    assert found == [False, False, True]


OTHER = parse_lock(PIP + "# other\n", ">=3.11")


def image(recipe, **labels) -> Image:
    return Image("0" * 64, "trailmark/x:latest", "sha256:1", 1, "", {**recipe.labels, **labels})


def test_a_change_of_pythons_packages_starts_from_an_earlier_image():
    before, after = (recipe_of(each, MANAGERS, TOOLS) for each in (lock(), lock(pip=OTHER)))
    short = shortened(after, image(before))
    assert short is not None
    assert (short.base, short.layers) == ("trailmark/x:latest", after.layers[-1:])
    assert after.labels.items() <= short.labels.items()
    again = shortened(after, image(short))
    assert again is not None
    assert again.labels[STEPS_LABEL] == "2"
    assert shortened(after, image(before, **{STEPS_LABEL: "10"})) is None


@pytest.mark.parametrize(
    "facts",
    [
        {"base": replace(BASE, source=LocalImage("mine:1"))},
        {"python": "==3.12.*"},
        {"others": {"apt": LockFile("apt", "x")}},
        {"snippets": (parse_snippet("10-fonts", "RUN fc-cache\n"),)},
    ],
)
def test_any_other_change_is_built_from_the_ground(facts):
    before, after = (recipe_of(each, MANAGERS, TOOLS) for each in (lock(), lock(pip=OTHER, **facts)))
    assert shortened(after, image(before)) is None
    assert shortened(recipe_of(lock(), MANAGERS, Layer("tools", ("other",))), image(before)) is None


def test_what_comes_after_pythons_packages_is_not_kept_from_before():
    snippets = (parse_snippet("10-fonts", "RUN fc-cache\n"),)
    before, after = (
        recipe_of(each, MANAGERS, TOOLS)
        for each in (lock(snippets=snippets), lock(snippets=snippets, pip=OTHER))
    )
    assert before.labels == after.labels
    assert shortened(after, image(before)) is None
