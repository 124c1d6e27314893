"""What a session may use of a machine."""

import pytest

from trailmark.engines import Limits
from trailmark.progress import NullProgress
from trailmark.projects.new import new_project
from trailmark.projects.resources import set_resources
from trailmark.sessions.limits import fit, limits_here, limits_inside

GIGABYTE = 10**9


class Told(NullProgress):
    """Keeps what it is told."""

    def __init__(self):
        self.lines = []

    def step(self, message, fraction=None):
        self.lines.append(message)


@pytest.fixture
def project(settings):
    project = new_project("work", settings)
    set_resources(project, cpus=4096.0, memory="64 GB", shared_memory="1 GB", gpu=True)
    return project


def test_what_a_machine_has_not_is_not_asked_of_it():
    limits, told = fit(Limits(64 * GIGABYTE, 64.0, gpu=True), 2, 8 * GIGABYTE)
    assert limits == Limits(8 * GIGABYTE, 2.0, gpu=True)
    assert ["64 processors" in told[0], "this machine has 2" in told[0]] == [True, True]
    assert "8.0 GB" in told[1]
    within = Limits(GIGABYTE, 1.5)
    assert fit(within, 2, 8 * GIGABYTE) == (within, [])
    assert fit(Limits(), 2, 8 * GIGABYTE) == (Limits(), [])


def test_an_engine_that_does_not_say_how_much_memory_there_is_is_asked_for_all(project):
    assert limits_inside(project, 2, 0, Told()).memory_bytes == 64 * 1000**3


def test_on_this_machine_itself_it_is_said_what_does_not_hold(project):
    told = Told()
    limits = limits_here(project, told)
    assert limits.memory_bytes == 64 * 1000**3
    assert limits.cpus is not None
    assert limits.cpus < 4096
    assert any("each program may use" in line for line in told.lines)
    assert "Shared memory is not limited on this machine itself." in told.lines


def test_nothing_is_told_where_nothing_is_limited(settings):
    told = Told()
    assert limits_here(new_project("free", settings), told) == Limits()
    assert told.lines == []


def test_a_launch_is_not_kept_by_a_manifest_that_cannot_be_read(project):
    project.manifest_path.write_text("no = [")
    assert limits_here(project, Told()) == Limits()
