import base64
import os
from pathlib import Path

import pytest

from trailmark_capture.config import Config
from trailmark_capture.files.log import Access
from trailmark_capture.journal import Entry, new_id
from trailmark_capture.r import expressions as module
from trailmark_capture.r.environment import for_expressions, for_run
from trailmark_capture.r.expressions import Expressions, figures, outside, spans
from trailmark_capture.r.notes import head_of, iter_notes, own_process, seems_done
from trailmark_capture.r.shown import Shown, error_of
from trailmark_capture.shared import SharedFolder

NOW = 1_700_000_000
GONE = "1 0 another-boot 4.2.2"


def note(tag: str, text: str | bytes = "", at: float = 0.0) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return b"%s %.9f %d\n%s\n" % (tag.encode(), NOW + at, len(data), data)


def begin(process: str = GONE, typed: str = "1 + 1\n") -> bytes:
    return note("P", process) + note("B", typed, 1) + note("W", "/p", 1)


DONE = note("O", "[1] 2\n", 2) + note("S", "ok", 3) + note("C", "1 + 1", 3) + note("D", at=3)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    root = tmp_path.resolve()
    (root / "project").mkdir()
    return Config(
        project=root / "project",
        journal=root / "journal",
        files=root / "files",
        shell=root / "shell",
        session="S1",
    )


@pytest.fixture
def folder(config: Config) -> Path:
    return Path(
        for_expressions(config, "stem", config.files / "stem.log", "shim", {}, tool="rstudio")["TRAILMARK_R"]
    )


def add(folder: Path, data: bytes) -> Path:
    path = folder / f"{new_id()}.expression"
    path.write_bytes(data)
    return path


def drained(config: Config) -> list[Entry]:
    taken: list[Entry] = []
    Expressions(config, taken.append).drain()
    return taken


def test_what_was_torn_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    whole = note("O", "one\ntwo")
    torn = note("O", "x" * 40)[:30]
    path.write_bytes(b"rubbish\n" + whole + torn + b"\n" + whole + torn)
    assert [found.text for found in iter_notes(path.open("rb"))] == ["one\ntwo", "one\ntwo"]
    path.write_bytes(b"")
    assert list(iter_notes(path.open("rb"))) == []
    assert head_of(path.open("rb")) is None


def test_every_cut_of_a_file_can_be_read(tmp_path: Path) -> None:
    whole = begin() + DONE
    path = tmp_path / "notes"
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        found = [found.tag for found in iter_notes(path.open("rb"))]
        assert found == list("PBWOSCD")[: len(found)]
        assert seems_done(path.open("rb")) == (length == len(whole))


def test_an_entry_of_notes(config: Config, folder: Path) -> None:
    path = add(folder, begin() + DONE)
    [entry] = drained(config)
    assert (entry["id"], entry["type"], entry["kind"]) == (path.stem, "end", "expression")
    assert (entry["started"], entry["ended"], entry["cwd"], entry["pid"]) == (NOW + 1, NOW + 3, "/p", 1)
    assert (entry["code"], entry["status"], entry["tool"], entry["session"]) == (
        "1 + 1",
        "ok",
        "rstudio",
        "S1",
    )
    assert entry["outputs"] == [{"mime": "text/plain", "name": "stdout", "group": 0, "text": "[1] 2\n"}]
    assert not path.exists()
    assert spans(SharedFolder(folder)) == [(NOW + 1, NOW + 3)]
    assert drained(config) == []


def test_what_runs_is_announced_once_and_lost_when_its_process_is_gone(config: Config, folder: Path) -> None:
    path = add(folder, begin(own_process(), "fit()\n"))
    taken: list[Entry] = []
    reader = Expressions(config, taken.append)
    assert reader.drain() == reader.drain() == 0
    assert [(entry["type"], entry["code"], entry["pid"]) for entry in taken] == [
        ("begin", "fit()", os.getpid())
    ]
    path.write_bytes(begin(typed="fit()\n") + note("O", "step 1\n", 9))
    [lost] = drained(config)
    assert (lost["status"], lost["ended"], lost["outputs"][0]["text"]) == ("lost", NOW + 9, "step 1\n")


def test_output_that_looks_like_the_end_is_none(config: Config, folder: Path) -> None:
    path = add(folder, begin(own_process()) + note("O", note("D").decode()[:-1]))
    assert seems_done(path.open("rb"))
    assert drained(config) == []


def test_an_entry_that_cannot_be_written_is_tried_again(config: Config, folder: Path) -> None:
    path = add(folder, begin() + note("F", "a.png") + DONE)
    (folder / "a.png").write_bytes(b"picture")

    def refuse(entry: Entry) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        Expressions(config, refuse).drain()
    assert path.exists()
    [entry] = drained(config)
    assert entry["id"] == path.stem
    picture = {"mime": "image/png", "name": None, "group": 1, "base64": base64.b64encode(b"picture").decode()}
    assert entry["outputs"][1] == picture
    assert not (folder / "a.png").exists()


def test_a_folder_goes_when_nobody_notes_in_it(
    config: Config, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drained(config)
    assert folder.exists()
    monkeypatch.setattr(module, "_START_SECONDS", -1.0)
    process = folder / f"{os.getpid()}.process"
    process.write_text(own_process())
    drained(config)
    assert folder.exists()
    process.write_text(GONE)
    drained(config)
    assert not folder.exists()


def test_the_persons_own_profile_is_handed_on(config: Config, tmp_path: Path) -> None:
    outer = for_expressions(config, "s", tmp_path / "log", "shim", {"R_PROFILE": "/site.R"}, tool="terminal")
    assert outer["R_PROFILE"].endswith("profile.R")
    assert outer["TRAILMARK_R_PROFILE"] == "/site.R"
    inner = for_run(tmp_path / "run.r", outer)
    assert (inner["TRAILMARK_R_PROFILE"], inner["TRAILMARK_R_AS"]) == ("/site.R", "run")
    assert for_run(tmp_path / "run.r", {})["TRAILMARK_R_PROFILE"] == ""


def test_what_lies_in_a_span_is_not_told_again() -> None:
    spans = [(5.0, 7.0), (1.0, 2.0), (6.0, 6.5), (6.8, 9.0)]
    found = [Access(float(at), 1, "r", "/a") for at in (0, 1, 1.5, 2, 3, 5, 6.9, 8, 9, 9.1)]
    assert [access.time for access in outside(found, spans)] == [0, 3, 9.1]
    assert outside(found, []) == found


def test_figures_of_scripts_are_those_of_a_span(tmp_path: Path) -> None:
    for name in ("30.5-7.figure", "9.25-7.figure", "20-8.figure", "x-8.figure", "20-8.figure.new"):
        (tmp_path / name).write_bytes(b"")
    folder = SharedFolder(tmp_path)
    assert figures(folder) == ["9.25-7.figure", "20-8.figure", "30.5-7.figure"]
    assert figures(folder, 10, 25) == ["20-8.figure"]


def test_streams_stay_in_their_order_and_within_the_limit() -> None:
    shown = Shown(100_000)
    for number in range(5000):
        shown.add("stdout" if number % 2 else "stderr", b"line %d\n" % number)
    outputs = shown.outputs("", [])
    assert len(outputs) == 200
    assert [output["name"] for output in outputs[:4]] == ["stderr", "stdout", "stderr", "stdout"]
    shown = Shown(50_000)
    for _ in range(3):
        shown.add("stdout", b"o" * 100_000 + b"\n")
        shown.add("stderr", b"e" * 100_000 + b"\n")
    outputs = shown.outputs("", [])
    assert sum(len(output["text"]) for output in outputs) < 60_000
    assert all(output["truncated"]["bytes"] == 100_001 for output in outputs)


def test_the_words_of_an_error_are_rs_own() -> None:
    shown = Shown(1000)
    shown.add("stderr", b"Error in f() : no\nIn addition: Warning message:\nw \n")
    message = "Error in f() : no\n"
    assert shown.complained(message)
    assert shown.outputs(message, [])[0]["text"] == "In addition: Warning message:\nw \n"
    error = error_of(message, ["1: f()"])
    assert error == {"name": "Error in f() ", "value": "no", "traceback": "Error in f() : no\n1: f()"}
