"""Where the work of a project runs when nobody says."""

from dataclasses import replace

import pytest

from trailmark.engines.daemon import KINDS
from trailmark.engines.docker import DockerEngine
from trailmark.engines.local import LocalEngine
from trailmark.engines.several import SeveralEngines
from trailmark.environments.uv import Uv
from trailmark.errors import InvalidInput, Unavailable
from trailmark.projects.new import new_project
from trailmark.projects.project import Project
from trailmark.settings import Settings
from trailmark.wiring import Services


class Daemon:
    """Answers, and has nothing."""

    kind = "podman"

    def __init__(self, kind: str) -> None:
        self.kind = kind


def services(settings: Settings, *answering: str) -> Services:
    def find(name: str) -> DockerEngine:
        if name not in answering:
            raise Unavailable(f"There is no {name} engine on this machine.")
        return DockerEngine(settings.home, Daemon(name))  # type: ignore[arg-type]

    engine = SeveralEngines(settings.home, LocalEngine(settings.home), KINDS, find)
    return Services(settings, engine, Uv("uv", {}))


@pytest.fixture
def plain(settings: Settings) -> Project:
    return new_project("plain", settings)


@pytest.fixture
def based(settings: Settings) -> Project:
    project = new_project("based", settings)
    manifest = project.path / "trailmark.toml"
    manifest.write_text(
        manifest.read_text().replace("[environment]\n", '[environment]\nbase = "python-minimal"\n')
    )
    return project


def test_what_starts_from_a_base_runs_in_a_container_where_an_engine_answers(
    settings: Settings, plain: Project, based: Project
) -> None:
    both = services(settings, "docker", "podman")
    assert both.engine_for(based).name == "docker"
    assert both.engine_for(plain).name == "local"
    assert services(settings, "podman").engine_for(based).name == "podman"
    assert services(settings).engine_for(based).name == "local"


def test_who_says_where_is_obeyed(settings: Settings, based: Project, plain: Project) -> None:
    found = services(settings, "docker")
    assert found.engine_for(based, "local").name == "local"
    assert found.engine_for(plain, "docker").name == "docker"
    with pytest.raises(Unavailable, match="no podman engine"):
        found.engine_for(based, "podman")
    with pytest.raises(InvalidInput, match="no engine “lxc”"):
        found.engine_for(based, "lxc")


def test_the_settings_say_where_for_every_project(settings: Settings, based: Project, plain: Project) -> None:
    found = services(replace(settings, engine="local"), "docker")
    assert found.engine_for(based).name == "local"
    assert found.engine_for(based, "docker").name == "docker"
    assert services(replace(settings, engine="docker"), "docker").engine_for(plain).name == "docker"


def test_a_broken_manifest_is_for_others_to_name(settings: Settings, plain: Project) -> None:
    (plain.path / "trailmark.toml").write_text("not = [toml")
    assert services(settings, "docker").engine_for(plain).name == "local"
