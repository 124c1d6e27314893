"""What a session in a container is given, and what it may write."""

import os

import pytest

from trailmark.projects import captured
from trailmark.projects.new import new_project
from trailmark.projects.secret_files import keep_secret_file, name_secret_file
from trailmark.sessions.container import Inside, order, write_inside
from trailmark.sessions.prepare import new_session
from trailmark.sessions.session import folder_of
from trailmark.sessions.tools import find_tool


@pytest.fixture
def project(settings):
    return new_project("work", settings)


@pytest.fixture
def session(project):
    return new_session(project, find_tool("jupyterlab", project.settings), "docker", "d" * 64)


def inside():
    user = f"{os.getuid()}:{os.getgid()}"
    return Inside(engine="docker", image="i", digest="d" * 64, path="/bin", listen="0.0.0.0", user=user)


def mounts(project, session):
    return order(project, session, inside(), ("x",), {}).mounts


def test_it_writes_in_places_of_its_own(project, session):
    written = {mount.source for mount in mounts(project, session) if not mount.read_only and mount.source}
    state, place = project.state, captured.inside(project.state)
    assert {place.journal, place.files, place.shell} < written
    assert not {state, state / "journal", state / "files", state / "shell", state / "workspaces"} & written
    assert place.folder not in written
    config = write_inside(project, session, inside(), "person")
    assert (config.journal, config.files, config.shell) == (place.journal, place.files, place.shell)


@pytest.mark.parametrize("place", ["~/.netrc", "~/.config/gcloud/key.json"])
def test_there_is_room_for_a_secret_file_that_the_person_made(project, session, place):
    name_secret_file(project, "KEY", place)
    keep_secret_file(project, "KEY", b"secret")
    own = folder_of(project.settings, session.id) / "own"
    target = own / place.removeprefix("~/")
    assert target in {mount.target for mount in mounts(project, session)}
    assert target.read_bytes() == b""
    for path in (target, target.parent, own):
        assert (path.stat().st_uid, path.stat().st_mode & 0o077) == (os.getuid(), 0)
