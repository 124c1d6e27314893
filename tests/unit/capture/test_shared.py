"""What a session may write is read and removed in its own folders alone, whatever lies there."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trailmark_capture import journal
from trailmark_capture.config import Config
from trailmark_capture.files.log import accesses
from trailmark_capture.journal import Entry, new_id
from trailmark_capture.r.expressions import Expressions
from trailmark_capture.shared import MOST_BYTES, SharedFolder, Unusable
from trailmark_capture.shell.notes import Session, encode
from trailmark_capture.shell.spool import SpoolReader

GONE = "99999999 1 another-boot 4.2"
LATE = 1_700_000_000


class Person:
    """Files of the person's that no session was given, and how they were."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "Documents").mkdir(parents=True)
        for name in ("key", "rc", "thesis", "Documents/a", "Documents/b"):
            (folder / name).write_text(f"precious {name}\n")
        self._before = self._now()

    def _now(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    def is_untouched(self) -> bool:
        return self._now() == self._before


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    person = Person(tmp_path / "home")
    yield person
    assert person.is_untouched()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    for name in ("project", "journal", "files", "shell"):
        (tmp_path / name).mkdir()
    names = {name: tmp_path / name for name in ("project", "journal", "files", "shell")}
    return Config(session="S1", **names)


def note(tag: str, text: str = "") -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    return b"%s %d.000000000 %d\n%s\n" % (tag.encode(), LATE, len(data), data)


def expression(*figures: str) -> bytes:
    drawn = b"".join(note("F", name) for name in figures)
    return note("P", GONE) + note("B", "plot(1)\n") + drawn + note("S", "ok") + note("D")


def spool(log: str = "", scratch: str = "", *notes: bytes) -> bytes:
    shell = b"\0\0" + b"\0".join([b"H", b"=99999999", b"=1", b"=boot", b"=5", b"."]) + b"\0\0"
    return encode(Session("", "", "docker", "person", log, "shim", scratch)) + shell + b"".join(notes)


def piece(tag: str, *fields: str) -> bytes:
    return b"\0\0" + b"\0".join([tag.encode(), *(b"=" + field.encode() for field in fields), b"."]) + b"\0\0"


def command(text: str = "make", start: str = f"{LATE}000000", end: str = f"{LATE}500000") -> bytes:
    return piece("E", new_id(), start, "/p", "0", text, end, "0")


def drained(config: Config) -> list[Entry]:
    taken: list[Entry] = []
    SpoolReader(config, taken.append).drain()
    return [entry for entry in taken if entry["type"] == "end"]


def text(entries: list[Entry]) -> str:
    return json.dumps(entries)


# ---- reading


@pytest.mark.parametrize(
    "figure", ["fig.png", "../../home/key", "/etc/passwd", "..", ".", "", "a\0b", "x" * 5000, "é\udcff"]
)
def test_a_figure_is_a_file_of_its_folder_alone(config: Config, person: Person, figure: str) -> None:
    folder = config.shell / "aa.r"
    folder.mkdir()
    (folder / "fig.png").symlink_to(person.folder / "key")
    (folder / f"{new_id()}.expression").write_bytes(expression(figure, "real.png"))
    (folder / "real.png").write_bytes(b"picture")
    [entry] = drained(config)
    assert [output["base64"] for output in entry["outputs"]] == ["cGljdHVyZQ=="]
    assert drained(config) == []


def test_a_figure_of_a_script_is_no_link(config: Config, person: Person) -> None:
    (config.shell / "aa.spool").write_bytes(spool("", "", command()))
    folder = config.shell / "aa.r"
    folder.mkdir()
    (folder / f"{LATE}.2-1.figure").symlink_to(person.folder / "key")
    os.mkfifo(folder / f"{LATE}.3-1.figure")
    [entry] = drained(config)
    assert entry["outputs"] == []


@pytest.mark.parametrize("name", ["01HF0000000000000000000001.expression", "bb.spool", "bb.place", "bb.r"])
@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "locked", "large", "loop"])
def test_what_is_no_note_is_skipped_and_the_rest_read(
    config: Config, person: Person, kind: str, name: str
) -> None:
    folder = config.shell / "aa.r"
    folder.mkdir()
    place = (folder if name.endswith(".expression") else config.shell) / name
    make(kind, place, person.folder / "thesis")
    (folder / "01HF0000000000000000000002.expression").write_bytes(expression())
    (config.shell / "cc.spool").write_bytes(spool("", "", command("echo after")))
    assert [entry["code"] for entry in drained(config)] == ["plot(1)", "echo after"]
    assert drained(config) == []


def make(kind: str, place: Path, target: Path) -> None:
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "link":
        place.symlink_to(target)
    elif kind == "folder":
        place.mkdir()
    elif kind == "loop":
        place.symlink_to(place)
    else:
        place.touch()
        if kind == "large":
            os.truncate(place, MOST_BYTES + 1)
        else:
            place.chmod(0)


def test_what_was_skipped_is_said(config: Config, caplog: pytest.LogCaptureFixture) -> None:
    os.mkfifo(config.shell / "bb\n.spool")
    drained(config)
    assert "'bb\\n.spool'" in caplog.text
    assert not list(config.shell.glob("*.spool"))


def test_a_log_that_a_spool_names_is_one_of_capture(config: Config, tmp_path: Path) -> None:
    log = tmp_path / "elsewhere.log"
    log.write_text(f"{LATE}.2\t1\tr\t{config.project}/x\n")
    (config.files / "linked.log").symlink_to(log)
    for named in (str(log), f"{config.files}/../elsewhere.log", str(config.files / "linked.log")):
        (config.shell / "aa.spool").write_bytes(spool(named, "", command()))
        [entry] = drained(config)
        assert entry["reads"] == []
    assert log.exists()


def test_a_log_of_accesses_may_be_anything(config: Config) -> None:
    os.mkfifo(config.files / "a.log")
    (config.files / "b.log").mkdir()
    (config.files / "c.log").symlink_to("/etc/passwd")
    for name in ("a.log", "b.log", "c.log", "d.log"):
        assert accesses(config.files / name, 0, 0.0, float("inf")) == ([], 0)


@pytest.mark.parametrize(
    "notes",
    [
        command(start="9" * 400),
        piece("H", "²", "1", "boot", "5") + command(),
        piece("H", "../../tmp", "1", "boot", "5") + command(),
        command("\x1b[31m" * 10_000),
        piece("E", *["x"] * 40),
        b"\0\0E\0=\xff\xfe\0.\0\0" * 100,
    ],
)
def test_a_spool_may_say_anything(config: Config, notes: bytes) -> None:
    (config.shell / "aa.spool").write_bytes(spool("", "", notes))
    (config.shell / "bb.spool").write_bytes(spool("", "", command("echo after")))
    assert drained(config)[-1]["code"] == "echo after"
    assert drained(config) == []


@pytest.mark.parametrize(
    "place", ['{"spool": -5, "files": -7}', '{"spool": 1e999}', "[" * 100_000, "\udcff", "7"]
)
def test_a_place_may_say_anything(config: Config, place: str) -> None:
    (config.shell / "aa.place").write_bytes(place.encode("utf-8", "surrogateescape"))
    (config.shell / "aa.spool").write_bytes(spool("", "", command()))
    assert len(drained(config)) == 1


@pytest.mark.parametrize(
    "session", ["[" * 100_000, '{"files_log": ["x"], "tool": {}}', '{"files_log": "/etc/passwd"}']
)
def test_who_an_r_belongs_to_may_be_anything(config: Config, session: str) -> None:
    folder = config.shell / "aa.r"
    folder.mkdir()
    (folder / "session.json").write_text(session)
    (folder / f"{new_id()}.expression").write_bytes(expression())
    [entry] = drained(config)
    assert entry["files_log"] is None


# ---- removing and writing


def test_what_a_spool_names_elsewhere_is_left(config: Config, person: Person) -> None:
    thesis, key = str(person.folder / "thesis"), str(person.folder / "key")
    (config.shell / "aa.spool").write_bytes(spool(thesis, key, command()))
    (config.shell / "bb.spool").write_bytes(
        spool(f"{config.files}/../home/thesis", f"{config.shell}/../home/key")
    )
    drained(config)
    assert not list(config.shell.glob("*.spool"))


def test_a_folder_behind_a_link_is_left(config: Config, person: Person) -> None:
    (config.shell / "zz.r").symlink_to(person.folder / "Documents")
    (config.shell / "zz.spool").write_bytes(spool("", "", command()))
    old = time.time() - 5000
    os.utime(person.folder / "Documents", (old, old))
    assert len(drained(config)) == 1
    assert not (config.shell / "zz.r").is_symlink()


def test_nothing_is_written_through_a_link(config: Config, person: Person) -> None:
    folder = config.shell / "aa.r"
    folder.mkdir()
    (folder / f"{new_id()}.expression").write_bytes(expression())
    (folder / "spans").symlink_to(person.folder / "rc")
    (config.shell / "aa.spool").write_bytes(spool("", "", command()))
    for name in ("aa.place", "aa.place.new", "aa.new", "lock"):
        (config.shell / name).symlink_to(person.folder / "rc")
    assert len(drained(config)) == 2
    assert not (config.shell / "lock").is_symlink()


def test_a_pipe_in_the_place_of_the_lock_stops_nobody(config: Config) -> None:
    os.mkfifo(config.shell / "lock")
    (config.shell / "aa.spool").write_bytes(spool("", "", command()))
    assert len(drained(config)) == 1


def test_a_folder_that_was_locked_up_is_opened(config: Config) -> None:
    (config.shell / "aa.spool").write_bytes(spool("", "", command()))
    config.shell.chmod(0)
    assert len(drained(config)) == 1


# ---- the journal


def test_a_journal_may_hold_anything(config: Config, person: Person) -> None:
    for number, kind in enumerate(("pipe", "link", "folder", "locked", "large", "loop")):
        make(kind, config.journal / f"{number}.journal", person.folder / "thesis")
    for segment in journal.segments(config.journal):
        assert list(journal.read(segment)) == []
        assert journal.is_abandoned(segment)


def test_a_line_that_is_nested_without_end_counts_as_torn() -> None:
    body = b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    assert journal.decode(b"%08x %s\n" % (journal.zlib.crc32(body), body)) is None


# ---- the folder itself


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "a\0b", "\ud800"])
def test_a_name_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    folder = SharedFolder(tmp_path)
    for act in (folder.open, folder.read, folder.folder, folder.open_lock):
        with pytest.raises(Unusable):
            act(name)
    with pytest.raises(Unusable):
        folder.append(name, b"x")
    with pytest.raises(Unusable):
        folder.replace(name, b"x")
    folder.remove(name)
    assert folder.status(name) is None
    assert list(tmp_path.iterdir()) == []
    assert folder.name_of(f"{tmp_path}/{name}") is None


def test_a_file_is_replaced_and_added_to(tmp_path: Path) -> None:
    folder = SharedFolder(tmp_path)
    folder.replace("a", b"one")
    folder.append("a", b" two")
    assert folder.read("a") == b"one two"
    assert folder.names() == ["a"]
    assert folder.name_of(f"{tmp_path}/a") == "a"
    with pytest.raises(Unusable, match="Too large"):
        folder.read("a", 3)
    assert folder.note("a") == {}


def test_expressions_alone_take_a_hostile_folder(config: Config, person: Person) -> None:
    (config.shell / "aa.r").mkdir()
    (config.shell / "aa.r" / "odd.expression").write_bytes(expression())
    (config.shell / "aa.r" / ("x" * 200 + ".expression")).write_bytes(expression())
    taken: list[Entry] = []
    assert Expressions(config, taken.append).drain() == 0
    assert taken == []


@pytest.mark.timeout(60)
def test_a_folder_of_any_depth_and_kind_goes_and_nothing_else(tmp_path: Path, person: Person) -> None:
    gone = tmp_path / "gone"
    (gone / "many").mkdir(parents=True)
    for number in range(50):
        (gone / "many" / f"{number}").touch()
    (gone / "many" / "link").symlink_to(person.folder)
    os.mkfifo(gone / "pipe")
    handle = os.open(gone, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("a", dir_fd=handle)
        inside = os.open("a", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inside
    os.close(handle)
    SharedFolder(tmp_path).remove_folder("gone")
    assert not gone.exists()
    SharedFolder(tmp_path).remove_folder("gone")
    assert (person.folder / "Documents" / "a").exists()


PIECES = st.sampled_from(
    [
        command(),
        spool("/etc/passwd", "../x"),
        expression("../x", "/etc/passwd"),
        note("L", "9" * 30),
        note("S", "unsure"),
        b"\0\0",
        b"[" * 2000,
        b"P 1.000000000 999999999999\n",
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(PIECES, st.binary(max_size=60)), max_size=8), st.integers(0, 400))
def test_whatever_notes_hold_the_next_command_is_journalled(
    config: Config, pieces: list[bytes], cut: int
) -> None:
    data = b"".join(pieces)[cut:]
    (config.shell / "aa.r").mkdir(exist_ok=True)
    for name in ("aa.spool", "aa.place", "aa.r/session.json", "aa.r/spans", "aa.r/1.process"):
        (config.shell / name).write_bytes(data)
    (config.shell / "aa.r" / f"{new_id()}.expression").write_bytes(data)
    (config.shell / "bb.spool").write_bytes(spool("", "", command("echo after")))
    assert [entry["code"] for entry in drained(config)][-1:] == ["echo after"]
    assert not (config.shell / "bb.spool").exists()
