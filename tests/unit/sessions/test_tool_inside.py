"""A tool in an image: made once for a base, put beside the environment, refused where only a base can bring it."""

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from trailmark.engines.docker import DockerEngine
from trailmark.engines.images import Image, reference_of
from trailmark.engines.recipe import Recipe
from trailmark.engines.trust import Trust
from trailmark.environments.bases.model import Base, Download, LocalImage
from trailmark.environments.bases.render import render_base
from trailmark.environments.snippets import ENDING, FOLDER
from trailmark.environments.uv import find_uv
from trailmark.environments.whole.resolve import Means
from trailmark.errors import Unavailable
from trailmark.progress import NullProgress
from trailmark.projects.environment import LOCK_PATH
from trailmark.projects.new import BASE_PATH, new_project
from trailmark.projects.project import Project
from trailmark.sessions.tools import Layer, Tool, find_tool
from trailmark.sessions.tools.inside import equip
from trailmark.sessions.tools.read import parse_tool
from trailmark.settings import Settings

PIP = 'lock-version = "1.0"\ncreated-by = "uv"\nrequires-python = ">=3.11"\npackages = []\n'
BASE = Base("maps", 1, "Maps", "", LocalImage("mine:1"))
ENVIRONMENT = Image("a" * 64, reference_of("a" * 64), "sha256:environment", 1, "")
TOOL = Tool(
    "x", "X", "A tool.", "code", "gate", "shell", "", program="x", layer=Layer(run=("touch {tools}/x",))
)


@dataclass
class Images:
    """Remembers what it was asked to build, and in which order."""

    built: list[str] = field(default_factory=list)
    there: dict[tuple[str, str], Image] = field(default_factory=dict)

    def build(self, recipe: Recipe, digest: str, progress: object, *, origin: str, **_: object) -> Image:
        found = self.there.get((digest, origin))
        if found is not None and recipe.labels.items() <= found.labels.items():
            return found
        self.built.append(origin)
        made = Image(digest, reference_of(digest, cast("Any", origin)), f"sha256:{len(self.built)}", 1,
                     f"{len(self.built):03}", recipe.labels)  # fmt: skip
        self.there[digest, origin] = made
        return made

    def list(self) -> list[Image]:
        return sorted(self.there.values(), key=lambda image: image.created, reverse=True)

    def remove(self, digest: str, origin: str) -> None:
        del self.there[digest, origin]


@dataclass
class Engine:
    images: Images = field(default_factory=Images)


@pytest.fixture
def images() -> Images:
    return Images()


@pytest.fixture
def project(settings: Settings) -> Project:
    project = new_project("one", settings)
    (project.path / LOCK_PATH).parent.mkdir(exist_ok=True)
    (project.path / LOCK_PATH).write_text(PIP)
    (project.path / BASE_PATH).write_text(render_base(BASE))
    return project


def equipped(project: Project, images: Images, tool: Tool, environment: Image = ENVIRONMENT) -> Image:
    engine, means = cast("DockerEngine", Engine(images)), Means(find_uv(os.environ), {})
    return equip(project, engine, environment, tool, means, NullProgress(), trust=Trust())


def test_it_is_made_once_and_put_beside_each_environment(project: Project, images: Images) -> None:
    first = equipped(project, images, TOOL)
    assert equipped(project, images, TOOL) == first
    assert images.built == ["tool", "equipped"]
    other = replace(ENVIRONMENT, digest="b" * 64, reference=reference_of("b" * 64))
    assert equipped(project, images, TOOL, other).digest != first.digest
    assert images.built == ["tool", "equipped", "equipped"]
    again = replace(ENVIRONMENT, id="sha256:again")
    assert equipped(project, images, TOOL, again).digest == first.digest
    assert images.built == ["tool", *["equipped"] * 3]


def test_one_without_a_layer_runs_in_the_environment_as_it_is(project: Project, images: Images) -> None:
    assert equipped(project, images, replace(TOOL, layer=Layer())) == ENVIRONMENT
    assert equipped(project, images, find_tool("jupyterlab", project.settings)) == ENVIRONMENT
    assert images.built == []


def test_system_packages_alone_need_no_folder(project: Project, images: Images) -> None:
    equipped(project, images, replace(TOOL, layer=Layer(apt=("ttyd",))))
    assert images.built == ["equipped"]


def test_few_environments_keep_the_tool(project: Project, images: Images) -> None:
    for letter in "bcdef0123":
        digest = letter * 64
        equipped(project, images, TOOL, replace(ENVIRONMENT, digest=digest, reference=reference_of(digest)))
    kept = [image for image in images.list() if image.reference.endswith(":equipped")]
    assert (len(kept), kept[0].created) == (5, "010")
    assert any(image.reference.endswith(":tool") for image in images.list())


def test_rstudio_is_brought_by_a_base(project: Project, images: Images) -> None:
    rstudio = find_tool("rstudio", project.settings)
    with pytest.raises(Unavailable, match="“Maps”, has none"):
        equipped(project, images, rstudio)
    package = Download("rstudio-server", "https://example.org/rstudio.deb", "c" * 64, "deb", "rstudio")
    for base in (replace(BASE, downloads=(package,)), replace(BASE, tools=("rstudio",))):
        (project.path / BASE_PATH).write_text(render_base(base))
        assert equipped(project, images, rstudio) == ENVIRONMENT
    (project.path / BASE_PATH).write_text(render_base(BASE))
    (project.path / FOLDER).mkdir(parents=True)
    (project.path / FOLDER / f"10-rstudio{ENDING}").write_text("RUN install-rstudio\n")
    assert equipped(project, images, rstudio) == ENVIRONMENT


def test_the_tool_of_the_documentation_can_be_used() -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/add-a-tool.md").read_text(encoding="utf-8")
    example = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert example is not None
    assert parse_tool(example[1], file="marimo.toml").id == "marimo"
