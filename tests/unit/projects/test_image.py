"""The image of a project's environment: found, built, from a step before, or from a file that somebody made."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from trailmark.engines.images import Image, reference_of
from trailmark.engines.recipe import Recipe
from trailmark.engines.trust import Trust
from trailmark.environments.bases.model import Base, LocalImage
from trailmark.environments.bases.render import render_base
from trailmark.environments.uv import find_uv
from trailmark.environments.whole.recipe import TOOLS_LABEL
from trailmark.environments.whole.resolve import Means
from trailmark.errors import InvalidInput, NotFound
from trailmark.progress import NullProgress
from trailmark.projects.environment import LOCK_PATH, current_lock, find_made
from trailmark.projects.image import OtherBase, keep_image, ready_image, take_image
from trailmark.projects.new import BASE_PATH, new_project
from trailmark.projects.packages import lock_environment

PIP = 'lock-version = "1.0"\ncreated-by = "uv"\nrequires-python = ">=3.11"\npackages = []\n'
BASE = Base("maps", 1, "Maps", "", LocalImage("mine:1"))


ID = "sha256:" + "1" * 64


@dataclass
class Images:
    """Remembers what it was asked to build."""

    built: list[Recipe] = field(default_factory=list)
    there: dict[tuple[str, str], Image] = field(default_factory=dict)

    def find(self, digest, origin="built"):
        return self.there.get((digest, origin))

    def list(self):
        return list(self.there.values())

    def build(self, recipe, digest, progress, **_):
        self.built.append(recipe)
        self.there[digest, "built"] = image(digest, "built", recipe.labels)
        return self.there[digest, "built"]

    def load(self, path, digest, progress):
        self.there[digest, "received"] = image(digest, "received", {TOOLS_LABEL: path.read_text()})
        return self.there[digest, "received"]

    def id_of(self, reference):
        return ID if reference == "mine:1" else None

    def has(self, reference):
        return self.id_of(reference) is not None

    def save(self, digest, path, progress):
        path.write_text(digest)


@dataclass
class Engine:
    images: Images = field(default_factory=Images)


def image(digest, origin, labels) -> Image:
    return Image(digest, reference_of(digest, origin), f"sha256:{origin}-{digest[:4]}", 1, "", labels)


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def ready(engine):
    means = Means(find_uv(os.environ), {})
    return lambda project: ready_image(project, engine, means, NullProgress(), trust=Trust())


def make(name, settings, *, pip=PIP, base=BASE):
    project = new_project(name, settings)
    (project.path / LOCK_PATH).parent.mkdir(exist_ok=True)
    (project.path / LOCK_PATH).write_text(pip)
    if base:
        (project.path / BASE_PATH).write_text(render_base(base))
    return project


def test_an_image_is_built_once_for_equal_locks(settings, engine, ready):
    one, other = make("one", settings), make("other", settings)
    assert ready(one) == ready(one) == ready(other)
    assert len(engine.images.built) == 1
    assert engine.images.built[0].base == "mine:1"


def test_other_packages_are_put_onto_the_image_that_there_is(settings, engine, ready):
    ready(make("one", settings))
    ready(make("other", settings, pip=PIP.replace('"uv"', '"another"')))
    assert engine.images.built[1].base == engine.images.list()[0].reference
    assert len(engine.images.built[1].layers) == 1


def test_an_image_of_an_older_trailmark_is_built_again(settings, engine, ready):
    project = make("one", settings)
    made = ready(project)
    engine.images.there[made.digest, "built"] = replace(made, labels={**made.labels, TOOLS_LABEL: "older"})
    ready(project)
    assert len(engine.images.built) == 2


def test_a_strangers_image_is_for_one_project_alone(settings, engine, ready, tmp_path):
    one, other = make("one", settings), make("other", settings)
    tools = ready(one).labels[TOOLS_LABEL]
    engine.images.there.clear()
    (tmp_path / "image.tar").write_text(tools)
    taken = take_image(one, engine, tmp_path / "image.tar", NullProgress())
    assert ready(one) == taken
    assert ready(other) != taken
    assert len(engine.images.built) == 2


def test_without_lock_or_base_there_is_no_image(settings, engine, ready, tmp_path):
    with pytest.raises(InvalidInput, match="env base"):
        ready(make("one", settings, base=None))
    empty = new_project("empty", settings)
    assert current_lock(empty) is None
    for work in (take_image, keep_image):
        with pytest.raises(NotFound):
            work(empty, engine, Path(tmp_path / "x"), NullProgress())


def test_an_image_that_is_not_the_one_of_its_base_is_not_used(settings, engine, ready):
    ready(make("one", settings, base=replace(BASE, source=LocalImage("mine:1", ID))))
    other = make("other", settings, base=replace(BASE, source=LocalImage("mine:1", "sha256:" + "0" * 64)))
    with pytest.raises(OtherBase, match=r"0000.* is sha256:1111"):
        ready(other)
    assert len(engine.images.built) == 1


def test_an_image_is_kept(settings, engine, ready, tmp_path):
    project = make("one", settings)
    ready(project)
    keep_image(project, engine, tmp_path / "x", NullProgress())
    assert (tmp_path / "x").read_text() == current_lock(project).digest


def test_what_is_locked_for_a_container_is_not_installed_on_this_machine(settings):
    project = new_project("fresh", settings)
    means = Means(find_uv(os.environ), {})
    locked = lock_environment(project, means, NullProgress(), makes=False)
    assert locked.is_recorded
    lock = current_lock(project)
    assert lock is not None
    assert lock.digest == locked.lock.digest
    assert find_made(project, lock) is None
    assert not lock_environment(project, means, NullProgress()).is_recorded
    assert find_made(project, lock) is not None
