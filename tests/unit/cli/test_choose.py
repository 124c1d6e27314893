"""Commands that answers name: as a person would type them where they are."""

import os

import pytest

from trailmark.cli.choose import typed
from trailmark.cli.invocation import Invocation
from trailmark.git import Repository
from trailmark.projects.listing import find_project
from trailmark.projects.project import open_project


@pytest.fixture
def stop(settings):
    def stop(project, folder):
        return typed(Invocation(os.environ, folder), project, "stop")

    return stop


def test_a_command_names_its_project_only_where_that_is_needed(call, rain, settings, stop, tmp_path):
    call("new", "snow")
    project = find_project("rain", settings.home, settings)
    snow = settings.projects / settings.owner / "snow"
    (tmp_path / "way").symlink_to(rain)
    for inside in (rain, rain / "code", tmp_path / "way"):
        assert stop(project, inside) == "trailmark stop"
    for elsewhere in (settings.home, snow):
        assert stop(project, elsewhere) == "trailmark -C rain stop"


def test_a_project_of_somebody_else_or_elsewhere_is_named_in_full(settings, stop, tmp_path):
    for place in (settings.projects / "bob" / "rain", tmp_path / "my rain"):
        place.mkdir(parents=True)
        Repository.init(place)
        (place / "trailmark.toml").touch()
    theirs = open_project(settings.projects / "bob" / "rain", settings)
    assert stop(theirs, settings.home) == "trailmark -C bob/rain stop"
    mine = open_project(tmp_path / "my rain", settings)
    assert stop(mine, settings.home) == f"trailmark -C '{tmp_path / 'my rain'}' stop"
