"""Commands on projects: what they answer, as data and in words, and what they refuse."""

import io
import os
import subprocess

import pytest

from trailmark.testing.wheels import offline, write_index


def test_new_makes_a_project_with_one_commit(call, settings):
    value = call("new", "rain", "-d", "Is it getting wetter?", "--json").value
    assert value["project"] == "rain"
    assert value["path"] == str(settings.projects / settings.owner / "rain")
    log = subprocess.run(
        ["git", "-C", value["path"], "log", "--oneline"], capture_output=True, text=True, check=True
    )
    assert len(log.stdout.splitlines()) == 1
    listed = subprocess.run(["ls", value["path"]], capture_output=True, text=True, check=True).stdout.split()
    assert {"code", "input", "output", "README.md", "trailmark.toml"} <= set(listed)


def test_new_says_how_to_go_on(call):
    assert "trailmark -C rain launch" in call("new", "rain").out


def test_a_taken_name_is_refused_with_a_reason(call, rain):
    again = call("new", "rain")
    assert again.code == 1
    assert "choose another name" in again.err
    assert again.out == ""


def test_a_missing_name_is_wrong_use(call):
    assert call("new").code == 2


def test_the_project_is_the_one_of_the_folder(call, rain):
    assert call("status", "--json", folder=rain / "code").value["project"] == "rain"


@pytest.mark.parametrize("place", ["rain", "ada/rain", "projects/ada/rain", "projects/ada/rain/code"])
def test_the_project_may_be_named(call, rain, place):
    assert call("-C", place, "status", "--json").value["project"] == "rain"
    assert call("status", "-C", place, "--json").value["project"] == "rain"


def test_outside_of_a_project_the_answer_says_how_to_name_one(call):
    refused = call("note", "x")
    assert refused.code == 1
    assert "trailmark -C PROJECT" in refused.err


def test_an_unknown_project_is_refused(call):
    refused = call("-C", "snow", "status")
    assert refused.code == 1
    assert "There is no project “snow”" in refused.err


def test_status_outside_of_a_project_lists_sessions(call):
    assert call("status", "--json").value == {"sessions": []}


def test_status_names_what_is_not_recorded(call, rain):
    (rain / "input" / "a.txt").write_text("1\n")
    value = call("status", "--json", folder=rain).value
    assert value["unrecorded"] == ["input/a.txt"]
    assert value["branch"] == "main"
    assert value["recorder"] is False
    assert "input/a.txt" in call("status", folder=rain).out


def test_files_lists_prints_and_saves(call, rain, tmp_path):
    (rain / "input" / "a.txt").write_text("one\n")
    listed = call("files", "--json", folder=rain).value
    assert {"path": "input/a.txt", "bytes": 4, "held": True, "link": False} in listed
    assert call("files", "input/a.txt", folder=rain).out == "one\n"
    saved = tmp_path / "saved.txt"
    assert call("files", "input/a.txt", "-o", str(saved), folder=rain).code == 0
    assert saved.read_text() == "one\n"


def test_files_as_they_were(call, rain):
    first = call("note", "before", "--json", folder=rain).value["id"]
    (rain / "input" / "a.txt").write_text("one\n")
    now = {file["path"] for file in call("files", "--json", folder=rain).value}
    then = {file["path"] for file in call("files", "--at", first[:12], "--json", folder=rain).value}
    assert now - then == {"input/a.txt"}


def test_files_too_large_for_git_are_listed_as_such(call, rain, settings):
    (rain / "input" / "big.bin").write_bytes(b"\0" * (settings.max_file_bytes + 1))
    held = {file["path"]: file["held"] for file in call("files", "input", "--json", folder=rain).value}
    assert held["input/big.bin"] is False


def test_files_that_are_not_there(call, rain):
    assert call("files", "code/none.py", folder=rain).code == 1


def test_notes_come_as_an_argument_or_on_standard_input(call, rain, monkeypatch):
    value = call("note", "Look again", "--json", folder=rain).value
    assert len(value["id"]) == 26
    monkeypatch.setattr("sys.stdin", io.StringIO("From a pipe\n"))
    assert call("note", folder=rain).code == 0
    log = subprocess.run(
        ["git", "-C", rain, "log", "--format=%s"], capture_output=True, text=True, check=True
    )
    assert log.stdout.splitlines()[:2] == ["From a pipe", "Look again"]


def test_a_note_about_a_record(call, rain):
    first = call("note", "a", "--json", folder=rain).value["id"]
    second = call("note", "b", "--about", first[:20], "--json", folder=rain).value
    assert second["about"] == first


def test_an_unknown_record_is_refused(call, rain):
    for typed in ("01ZZZZ", "no/id"):
        refused = call("rollback", typed, folder=rain)
        assert refused.code == 1
        assert "trailmark log" in refused.err


def test_a_beginning_that_several_records_share_is_refused(call, rain):
    call("note", "a", folder=rain)
    refused = call("rollback", "0", folder=rain)
    assert refused.code == 1
    assert "Several records begin with 0" in refused.err


def test_rollback_brings_files_back_and_says_what_changed(call, rain):
    file = rain / "code" / "fit.py"
    file.write_text("good\n")
    first = call("note", "good state", "--json", folder=rain).value["id"]
    call("files", folder=rain)
    kept = call("note", "really good", "--json", folder=rain).value["id"]
    file.write_text("bad\n")
    value = call("rollback", kept, "--json", folder=rain).value
    assert value["to"] == kept
    assert value["written"] == ["code/fit.py"]
    assert file.read_text() == "good\n"
    assert first < kept


def test_branches(call, rain):
    first = call("note", "a", "--json", folder=rain).value["id"]
    made = call("branch", "new", "other", "--from", first, "--json", folder=rain).value
    assert made["branch"] == "other"
    listed = call("branch", "--json", folder=rain).value
    assert [branch["name"] for branch in listed] == ["main", "other"]
    assert call("branch", "list", "--json", folder=rain).value == listed
    assert call("switch", "other", "--json", folder=rain).value["left"] == "main"
    assert call("branch", folder=rain).out.startswith("* other")
    assert call("branch", "delete", "main", folder=rain).code == 0
    assert call("switch", "main", folder=rain).code == 1


def test_a_program_is_told_apart(call, rain):
    call("note", "by a program", folder=rain, TRAILMARK_ACTOR="robot")
    log = subprocess.run(["git", "-C", rain, "log", "-1"], capture_output=True, text=True, check=True)
    assert "Trailmark-Actor: program:robot" in log.stdout


def test_run_passes_streams_and_the_exit_code_through(call, rain):
    done = call("run", "--", "sh", "-c", "echo out; echo err >&2; exit 7", folder=rain)
    assert done.code == 7
    assert "out" in done.out
    assert "err" in done.err


def test_run_leaves_the_options_of_its_command_alone(call, rain):
    assert call("run", "echo", "--json", "-C", "x", folder=rain).out.strip() == "--json -C x"


def test_run_from_elsewhere_runs_in_the_project(call, rain):
    assert call("-C", "rain", "run", "--", "pwd").out.strip() == str(rain)
    assert call("run", "--", "pwd", folder=rain / "code").out.strip() == str(rain / "code")


def test_run_without_a_command_is_wrong_use(call, rain):
    assert call("run", folder=rain).code == 2


def test_stop_when_nothing_runs(call, rain):
    assert call("stop", "--json", folder=rain).value == {"stopped": [], "left": []}
    assert "No session was running" in call("stop", "--all").out


def test_secrets_are_named_by_the_project_and_kept_outside(call, rain, monkeypatch, settings):
    assert call("env", "secret", "KEY", folder=rain).code == 1
    manifest = rain / "trailmark.toml"
    manifest.write_text('secrets = ["KEY"]\n' + manifest.read_text())
    assert call("env", "secret", "--json", folder=rain).value == {
        "secrets": [{"name": "KEY", "known": False}],
        "files": [],
    }
    monkeypatch.setattr("sys.stdin", io.StringIO("hunter2\n"))
    assert call("env", "secret", "KEY", "--json", folder=rain).value == {
        "secrets": [{"name": "KEY", "known": True}],
        "files": [],
    }
    assert "hunter2" not in "".join(path.read_text() for path in rain.rglob("*.toml"))
    (kept,) = (settings.home / "secrets").glob("*.json")
    assert "hunter2" in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0
    assert (
        call("env", "secret", "KEY", "--forget", "--json", folder=rain).value["secrets"][0]["known"] is False
    )


def test_env_shows_what_is_asked_for(call):
    call("new", "snow", "-p", "numpy>=2")
    value = call("-C", "snow", "env", "--json").value
    assert (value["base"], value["digest"], value["state"], value["built"]) == (None, None, "unlocked", False)
    (package,) = value["packages"]
    assert {name: package[name] for name in ("manager", "name", "requested", "version")} == {
        "manager": "pip", "name": "numpy", "requested": ">=2", "version": None
    }  # fmt: skip
    assert "not resolved yet" in call("-C", "snow", "env", "show").out


def test_a_secret_file_is_named_and_kept(call, rain):
    (rain.parent / "key.json").write_text('{"password": "s3cr3t-Pw12!"}')
    done = call("env", "secret", "GCP", "--file", "../key.json", "--at", "~/gcp.json", "--json", folder=rain)
    assert done.value["files"] == [{"name": "GCP", "place": "~/gcp.json", "known": True, "values": 1}]
    assert call("env", "secret", "GCP", folder=rain).code == 1
    assert "file, at ~/gcp.json; 1 of its values" in call("env", "secret", folder=rain).out
    (rain.parent / "key.json").write_text("[]")
    call("env", "secret", "GCP", "--file", "../key.json", folder=rain)
    assert "nothing in it is known as secret" in call("env", "secret", folder=rain).out
    forgotten = call("env", "secret", "GCP", "--forget", "--json", folder=rain)
    assert forgotten.value["files"][0]["known"] is False
    assert call("env", "secret", "GCP", "--at", "/etc/passwd", folder=rain).code == 1


def test_bases_are_listed_and_chosen(call):
    found = call("bases", "--tool", "rstudio", "--json").value
    assert {one["id"] for one in found} == {"r-tidyverse", "python-r"}
    assert found[0]["digest"].startswith("sha256:")
    assert "R with RStudio" in call("bases").out
    assert call("new", "hills", "--base", "r-minimal", "--json").value["base"] == "r-minimal"
    told = call("-C", "hills", "env", "base", "--json").value
    assert (told["base"], told["base_detail"]["revision"]) == ("r-minimal", 1)
    assert "rocker/r-ver" in call("-C", "hills", "env", "base").out
    assert "python-minimal" in call("new", "x", "--base", "nothing").err


def test_a_base_is_changed_saved_and_used_again(call, rain, tmp_path):
    changed = call("env", "base", "python-minimal", "--json", folder=rain, **offline_index(tmp_path))
    assert (changed.code, changed.value["base"], changed.value["state"]) == (0, "python-minimal", "locked")
    assert changed.value["changes"][-1] == "+ base python-minimal revision 1"
    assert any("operating system" in text for text in changed.value["left_to_the_machine"])
    saved = call("env", "save-base", "course", "--title", "Course", "--json", folder=rain).value
    assert (saved["id"], saved["revision"], saved["title"]) == ("course", 1, "Course")
    assert "course" in {one["id"] for one in call("bases", "--json").value}


def test_snippets_and_the_proof(call, rain, tmp_path):
    surroundings = offline_index(tmp_path)
    (rain / "fonts").write_text("RUN fc-cache\n")
    done = call("env", "snippet", "set", "10-fonts", "fonts", "--json", folder=rain, **surroundings)
    assert done.value["changes"][-1] == "+ snippet 10-fonts"
    assert call("env", "snippet", "--json", folder=rain).value[0]["text"] == "RUN fc-cache\n"
    (rain / "fonts").write_text("FROM debian\n")
    refused = call("env", "snippet", "set", "10-fonts", "fonts", folder=rain, **surroundings)
    assert (refused.code, "line 1" in refused.err) == (1, True)
    proved = call("env", "verify", "--json", folder=rain, **surroundings)
    assert (proved.code, proved.value["ok"], proved.value["differences"]) == (0, True, [])
    assert call("env", "--json", folder=rain, **surroundings).value["state"] == "proved"
    (rain / "environment/snippets/10-fonts.dockerfile").write_text("RUN true\n")
    broken = call("env", "verify", "--json", folder=rain, **surroundings)
    assert (broken.code, broken.value["ok"]) == (1, False)
    assert broken.value["differences"][0]["what"] == "snippet 10-fonts"
    assert "changed since it was recorded" in call("env", "verify", folder=rain, **surroundings).out


def test_packages_are_searched(call, rain, tmp_path):
    found = call("env", "search", "pand", "--json", folder=rain, **offline_index(tmp_path)).value
    assert {"manager": "pip", "name": "pandas", "version": None} in found
    assert call("env", "search", "x", "--manager", "npm", folder=rain).code == 1


def offline_index(tmp_path):
    environ = offline(write_index(tmp_path / "wheels"), tmp_path / "cache", os.environ)
    return {name: value for name, value in environ.items() if name.startswith("UV_")}


def test_doctor(call):
    value = call("doctor", "--json").value
    assert value["ok"] is True
    assert {"Python", "git", "uv", "File capture"} <= {check["name"] for check in value["checks"]}


def test_list_and_show(call, rain):
    call("new", "snow", "-d", "White")
    listed = call("list", "--json").value
    assert {each["project"] for each in listed} == {"rain", "snow"}
    assert all(each["last"]["kind"] == "project" for each in listed)
    value = call("show", "snow", "--json").value
    assert (value["description"], value["records"], value["branch"]) == ("White", 1, "main")
    assert value["environment"]["packages"] == []
    assert value["bytes"] > 0
    assert "White" in call("-C", "snow", "show").out
    assert "rain" in call("list").out


def test_list_without_projects_says_how_to_begin(call):
    assert call("list", "--json").value == []
    assert "trailmark new" in call("list").out


def test_describe(call, rain):
    assert call("describe", "Wet", "--json", folder=rain).value["id"]
    assert call("describe", "Wet", "--json", folder=rain).value["id"] is None
    assert call("show", "--json", folder=rain).value["description"] == "Wet"


def test_rename_and_copy_take_one_name_or_two(call, rain):
    assert call("rename", "rain", "drizzle", "--json").value["project"] == "drizzle"
    assert call("-C", "drizzle", "rename", "rain", "--json").value["before"] == "drizzle"
    assert call("copy", "rain", "rain-2", "--json").value["from"] == "rain"
    assert call("-C", "rain", "copy", "rain-3", "--json").value["project"] == "rain-3"
    assert call("copy", "a", "b", "c").code == 2
    assert len(call("-C", "rain-2", "log", "--json").value) == 4


def test_delete_asks_and_the_trash_gives_back(call, rain):
    asked = call("delete", "rain")
    assert asked.code == 1
    assert "--yes" in asked.err
    assert rain.exists()
    gone = call("delete", "rain", "--yes", "--json").value
    assert not rain.exists()
    assert [each["id"] for each in call("delete", "--trash", "--json").value] == [gone["id"]]
    assert (
        call("delete", "--restore", gone["id"][:20], "--as", "rain-again", "--json").value["project"]
        == "rain-again"
    )
    call("delete", "rain-again", "--yes")
    assert call("delete", "--empty").code == 1
    assert len(call("delete", "--empty", "--yes", "--json").value) == 1
    assert "empty" in call("delete", "--trash").out
    assert call("delete", "rain", "--trash").code == 2


def test_export_and_import_bring_the_whole_trail(call, rain, tmp_path):
    (rain / "input" / "a.txt").write_text("1\n")
    call("note", "seen", folder=rain)
    written = call("export", str(tmp_path), "--json", folder=rain).value
    assert written["path"] == str(tmp_path / "rain.trailmark")
    assert written["not_held"] == []
    again = call("export", written["path"], folder=rain)
    assert again.code == 1
    assert call("export", written["path"], "--overwrite", folder=rain).code == 0
    made = call("import", written["path"], "--name", "rain-2", "--json").value
    assert made["records"] is True
    kinds = [each["kind"] for each in call("-C", "rain-2", "log", "--json").value]
    assert kinds[0] == "import"
    assert {"note", "files", "project"} <= set(kinds)


def test_export_without_a_place_lies_beside_the_project(call, rain):
    assert call("export", "--json", folder=rain).value["path"] == str(rain.parent / "rain.trailmark")


def test_import_of_a_folder_tells_what_it_needs(call, tmp_path):
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "fit.py").write_text("import pandas\n")
    done = call("import", str(folder), "--json")
    assert done.value["packages"] == ["pandas"]
    assert "pandas" in done.err
    assert (folder / "fit.py").exists()
    assert [one["name"] for one in call("-C", "old", "env", "--json").value["packages"]] == ["pandas"]


def test_import_of_nothing(call, tmp_path):
    assert call("import", str(tmp_path / "none")).code == 1


def test_verify(call, rain):
    call("note", "a", folder=rain)
    verdict = call("verify", "--json", folder=rain)
    assert verdict.value == {"ok": True, "records": 2, "problems": []}
    assert verdict.code == 0
    assert "2 records" in call("verify", folder=rain).out


def test_verify_names_what_is_damaged(call, rain):
    found = call("note", "a", "--json", folder=rain).value
    tree = call("log", found["id"], "--json", folder=rain).value["tree"]
    stored = rain / ".git" / "objects" / tree[:2] / tree[2:]
    stored.unlink()
    verdict = call("verify", "--json", folder=rain)
    assert verdict.code == 1
    assert found["id"] in {problem["record"] for problem in verdict.value["problems"]}
