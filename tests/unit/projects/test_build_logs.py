"""Logs of what was done for an environment: written as it happens, and kept however it ends."""

import json

import pytest

from trailmark.errors import Cancelled, CommandFailed, InvalidInput, NotFound
from trailmark.progress import NullProgress
from trailmark.projects.build_logs import keeping_log, list_logs, read_log
from trailmark.projects.secrets import set_secret


class Listener:
    """Remembers what it hears."""

    def __init__(self, cancelled=False):
        self.heard, self.cancelled = [], cancelled

    def step(self, message, fraction=None):
        self.heard.append(message)

    def log(self, line):
        self.heard.append(line)


def text_of(project):
    return read_log(project, list_logs(project)[0].id)[1]


def test_a_log_can_be_read_while_it_is_written_and_after(project):
    listener = Listener()
    with keeping_log(project, "Building", listener, engine="docker", clock=iter((5.0, 9.0)).__next__) as told:
        told.step("Fetching", 0.1)
        told.step("Fetching", 0.2)
        told.log("one line\n")
        working = list_logs(project)[0]
        assert (working.outcome, working.engine, working.seconds) == ("working", "docker", None)
        assert text_of(project) == "Fetching\none line\n"
    assert listener.heard == ["Fetching", "Fetching", "one line\n"]
    done = list_logs(project)[0]
    assert (done.outcome, done.title, done.seconds, done.error) == ("done", "Building", 4.0, None)


def failing(project, listener, error, *lines):
    """Do work that says some lines and fails."""
    with keeping_log(project, "Building", listener) as told:
        assert told.cancelled is listener.cancelled
        for line in lines:
            told.log(line)
        raise error


def test_what_failed_says_why_and_repeats_nothing(project):
    error = CommandFailed("It could not be built.\nstep 2\nno space", output="step 1\nstep 2\nno space")
    with pytest.raises(CommandFailed):
        failing(project, NullProgress(), error, "step 1", "step 2")
    log = list_logs(project)[0]
    assert (log.outcome, log.error.splitlines()[0]) == ("failed", "It could not be built.")
    assert text_of(project) == "step 1\nstep 2\nno space\nIt could not be built.\n"


@pytest.mark.parametrize(
    ("error", "cancelled", "outcome"),
    [
        (Cancelled("As asked."), True, "stopped"),
        (InvalidInput("No."), True, "stopped"),
        (InvalidInput("No."), False, "failed"),
        (KeyError("x"), False, "failed"),
    ],
)
def test_how_it_ended_is_told(project, error, cancelled, outcome):
    with pytest.raises(type(error)):
        failing(project, Listener(cancelled), error)
    assert list_logs(project)[0].outcome == outcome


def test_what_was_killed_counts_as_cut_short(project):
    with keeping_log(project, "Building", NullProgress()) as told:
        told.log("half")
    path = next((project.state / "build-logs").glob("*.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "outcome": "working", "ended": None}))
    assert (list_logs(project)[0].outcome, text_of(project)) == ("cut short", "half\n")


def test_secrets_are_blacked_out(project):
    set_secret(project, "KEY", "s3cret-of-mine")
    with pytest.raises(InvalidInput):
        failing(project, NullProgress(), InvalidInput("refused s3cret-of-mine"), "token s3cret-of-mine")
    log = list_logs(project)[0]
    assert (log.error, text_of(project)) == (
        "refused [secret KEY]",
        "token [secret KEY]\nrefused [secret KEY]\n",
    )


def test_only_the_newest_are_kept_and_others_are_not_there(project):
    for number in range(45):
        with keeping_log(project, f"Building {number}", NullProgress()):
            pass
    logs = list_logs(project)
    assert (len(logs), logs[0].title) == (40, "Building 44")
    assert len(list((project.state / "build-logs").iterdir())) == 80
    for wrong in ("../../secrets", "0" * 26, ""):
        with pytest.raises(NotFound):
            read_log(project, wrong)
    (project.state / "build-logs" / f"{logs[0].id}.json").write_text("{")
    assert len(list_logs(project)) == 39
