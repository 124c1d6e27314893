"""`trailmark env history` and `trailmark env restore`, called as a person or program would."""

import os
from pathlib import Path

import pytest

from trailmark.projects.build_logs import list_logs, read_log
from trailmark.projects.project import open_project
from trailmark.testing.wheels import offline, write_index


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have uv know only the packages of a folder."""
    for name, value in offline(write_index(tmp_path / "wheels"), tmp_path / "cache", os.environ).items():
        monkeypatch.setenv(name, value)


def test_the_history_is_listed_and_one_can_go_back(call, rain):
    call("-C", "rain", "env", "add", "alpha<2", "--json")
    call("-C", "rain", "env", "resources", "--cpus", "2", "--json")
    call("-C", "rain", "env", "remove", "alpha", "--json")
    found = call("-C", "rain", "env", "history", "--json").value
    assert [one["title"] for one in found["changes"]] == [
        "Removed alpha",
        "Chose what a session may use",
        "Added alpha<2",
        "Started the project rain",
    ]
    removed, chosen, added, _ = found["changes"]
    assert (removed["changes"], removed["current"]) == (["- alpha 1.0"], True)
    assert chosen["facts"] == [{"what": "Processors", "before": None, "after": "2"}]
    assert added["packages"][0] == {
        "manager": "pip",
        "name": "alpha",
        "change": "added",
        "before": None,
        "after": "1.0",
        "asked": True,
        "wanted_before": None,
        "wanted_after": "alpha<2",
    }
    back = call("-C", "rain", "env", "restore", added["id"][:12], "--json").value
    assert back["changes"] == ["Processors: 2 → none", "+ alpha 1.0"]
    assert (back["to"], back["digest"], back["built"]) == (added["id"], added["digest"], True)
    assert call("-C", "rain", "env", "show", "--json").value["digest"] == added["digest"]
    assert "cpus" not in (rain / "trailmark.toml").read_text()
    again = call("-C", "rain", "env", "restore", added["id"], "--json").value
    assert (again["id"], again["changes"]) == (None, [])
    newest = call("-C", "rain", "env", "history", "--json", "--limit", "1").value
    assert newest["changes"][0]["id"] == back["id"]
    older = call("-C", "rain", "env", "history", "--json", "--before", newest["older"]).value
    assert older["changes"][0]["id"] == removed["id"]


def test_a_person_reads_it_too(call, rain):
    call("-C", "rain", "env", "add", "alpha")
    said = call("-C", "rain", "env", "history", "--limit", "1").out
    assert "Added alpha  now" in said
    assert "+ alpha 2.0" in said
    assert "Older ones: trailmark env history --before" in said
    first = call("-C", "rain", "env", "history", "--json").value["changes"][-1]["id"]
    said = call("-C", "rain", "env", "restore", first).out
    assert "Went back to the environment of" in said
    assert "- alpha 2.0" in said
    refused = call("-C", "rain", "env", "restore", "0000")
    assert (refused.code, "There is no record 0000" in refused.err) == (1, True)


def test_the_log_of_each_piece_of_work_is_kept(call, rain, settings):
    call("-C", "rain", "env", "add", "alpha")
    call("-C", "rain", "env", "build")
    call("-C", "rain", "env", "verify")
    failed = call("-C", "rain", "env", "add", "no-such-package")
    assert failed.code == 1
    project = open_project(rain, settings)
    logs = list_logs(project)
    assert [(log.title, log.outcome) for log in logs] == [
        ("trailmark env add", "failed"),
        ("trailmark env verify", "done"),
        ("trailmark env build", "done"),
        ("trailmark env add", "done"),
    ]
    assert "no-such-package" in read_log(project, logs[0].id)[1]
    assert "Comparing the files" in read_log(project, logs[1].id)[1]
