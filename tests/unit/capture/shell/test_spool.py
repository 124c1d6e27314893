import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from trailmark_capture.config import Config
from trailmark_capture.files.log import Access
from trailmark_capture.files.log import encode as encode_access
from trailmark_capture.journal import Entry, new_id
from trailmark_capture.shell import spool as spool_module
from trailmark_capture.shell.environment import SPOOL_VARIABLE, environment_for
from trailmark_capture.shell.notes import Begin, End, Note, Session, Shell, encode, iter_notes
from trailmark_capture.shell.spool import SpoolReader

from .conftest import entries

NOW = 1_700_000_000


def note(tag: str, *fields: object) -> bytes:
    return b"\0\0" + b"\0".join([tag.encode(), *(f"={field}".encode() for field in fields), b"."]) + b"\0\0"


def begin(number: int, text: str = "make", hidden: int = 0) -> bytes:
    return note("B", identity(number), (NOW + 10 * number) * 1_000_000, "/p", hidden, text)


def end(number: int, text: str = "make", code: int = 0, hidden: int = 0) -> bytes:
    at = (NOW + 10 * number) * 1_000_000
    return note("E", identity(number), at, "/p", hidden, text, at + 5_000_000, code)


def identity(number: int) -> str:
    return f"01HF{number:022d}"


ALIVE = (
    Shell(
        str(os.getpid()),
        Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19],
        Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "5.2",
    )
    if sys.platform == "linux"
    else None
)
GONE = Shell("1", "0", "another boot", "5.2")


@pytest.fixture
def made(config: Config) -> Path:
    """The spool of a shell that is about to start."""
    return Path(environment_for(config, "my terminal/1", {})[SPOOL_VARIABLE])


def add(path: Path, *pieces: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(b"".join(pieces))


def ends(config: Config) -> list[Entry]:
    return [entry for entry in entries(config) if entry["type"] == "end"]


def test_finished_commands_are_journalled_once(config: Config, made: Path) -> None:
    add(made, note("H", *ALIVE), begin(1), end(1), end(2, "false", 1), begin(3), end(3, "sleep 9", 130))
    reader = SpoolReader(config)
    assert reader.drain() == 3
    assert reader.drain() == 0
    assert SpoolReader(config).drain() == 0
    add(made, begin(4), end(4))
    assert SpoolReader(config).drain() == 1
    found = ends(config)
    assert [(entry["id"], entry["code"], entry["status"], entry["exit_code"]) for entry in found] == [
        (identity(1), "make", "ok", 0),
        (identity(2), "false", "error", 1),
        (identity(3), "sleep 9", "interrupted", 130),
        (identity(4), "make", "ok", 0),
    ]
    assert len(entries(config)) == 4
    first = found[0]
    assert first["kind"] == "command"
    assert first["tool"] == "terminal"
    assert first["language"] == "bash"
    assert (first["session"], first["environment"], first["actor"]) == ("S1", "lock", "person")
    assert (first["started"], first["ended"]) == (NOW + 10, NOW + 15)


def test_a_command_belongs_to_the_session_of_its_shell(config: Config, made: Path) -> None:
    add(made, end(1))
    SpoolReader(replace(config, session=None, environment="other", actor="program:x")).drain()
    assert (ends(config)[0]["session"], ends(config)[0]["environment"]) == ("S1", "lock")
    assert ends(config)[0]["actor"] == "person"


def test_another_session_that_runs_tells_what_its_own_shells_did(config: Config, made: Path) -> None:
    add(made, note("H", *ALIVE), end(1))
    beside = SpoolReader(replace(config, session="S2"))
    assert beside.drain() == 0
    assert SpoolReader(config).drain() == 1


def test_what_a_session_that_died_left_is_told_by_another_after_a_while(config: Config, made: Path) -> None:
    add(made, note("H", "999999999", "1", "no boot", "5.2"), end(1))
    beside = SpoolReader(replace(config, session="S2"))
    assert beside.drain() == 0
    long_ago = time.time() - 60
    os.utime(made, (long_ago, long_ago))
    assert beside.drain() == 1


def test_a_running_command_is_announced_once(config: Config, made: Path) -> None:
    add(made, note("H", *ALIVE), begin(1, "sleep 60"))
    reader = SpoolReader(config)
    assert reader.drain() == reader.drain() == 0
    [entry] = entries(config)
    assert (entry["type"], entry["code"], entry["pid"]) == ("begin", "sleep 60", os.getpid())
    assert entry["files_log"].startswith(str(config.files))
    add(made, end(1, "sleep 60"))
    assert reader.drain() == 1
    assert [entry["type"] for entry in entries(config)] == ["begin", "end"]


def test_a_command_whose_shell_died_is_lost(config: Config, made: Path) -> None:
    add(made, note("H", *GONE), begin(1), end(1), begin(2, "train"))
    assert SpoolReader(config).drain() == 2
    assert [entry["status"] for entry in ends(config)] == ["ok", "lost"]
    assert ends(config)[1]["exit_code"] is None
    assert [path.name for path in config.shell.iterdir()] == ["lock"]
    assert SpoolReader(config).drain() == 0


@pytest.mark.parametrize("text", ["exit", "exit 3", "logout", "exec zsh"])
def test_to_leave_the_shell_is_no_loss(config: Config, made: Path, text: str) -> None:
    add(made, note("H", *GONE), begin(1, text))
    SpoolReader(config).drain()
    assert ends(config)[0]["status"] == "ok"


def test_everything_of_a_shell_that_is_gone_is_removed(config: Config) -> None:
    variables = environment_for(config, "x", {})
    scratch = Path(variables["TRAILMARK_SHELL_SCRATCH"])
    made = Path(variables[SPOOL_VARIABLE])
    add(made, note("H", *GONE), end(1))
    log = Path(next(item for item, _ in iter_notes(made.read_bytes()) if isinstance(item, Session)).log)
    log.touch()
    scratch.touch()
    SpoolReader(config).drain()
    assert [path.name for path in config.shell.iterdir()] == ["lock"]
    assert list(config.files.iterdir()) == []
    assert not scratch.exists()


def test_a_shell_that_has_not_started_yet_is_waited_for(config: Config, made: Path) -> None:
    reader = SpoolReader(config)
    reader.drain()
    assert made.exists()
    os.utime(made, (1, 1))
    reader.drain()
    assert not made.exists()


def test_files_are_those_between_begin_and_end(config: Config, made: Path) -> None:
    log = Path(next(item for item, _ in iter_notes(made.read_bytes()) if isinstance(item, Session)).log)
    (config.project / "out").touch()
    told = [(5, "r", "before"), (11, "r", "in"), (12, "c", "out"), (17, "r", "between"), (22, "r", "second")]
    log.write_bytes(
        b"".join(encode_access(Access(NOW + at, 1, op, f"{config.project}/{name}")) for at, op, name in told)
    )
    add(made, note("H", *ALIVE), end(1))
    SpoolReader(config).drain()
    add(made, end(2))
    SpoolReader(config).drain()
    first, second = ends(config)
    assert first["reads"] == [{"path": "in", "external": False}]
    assert first["writes"] == [{"path": "out", "external": False}]
    assert second["reads"] == [{"path": "second", "external": False}]
    assert first["files_by"] == ("shim" if config.shim else "audit")


def test_without_the_shim_the_system_helps(config: Config) -> None:
    bare = replace(config, shim=None)
    made = Path(environment_for(bare, "x", {})[SPOOL_VARIABLE])
    (config.project / "out").touch()
    add(made, end(1))

    def perhaps(since: float, until: float) -> list[Access]:
        assert (since, until) == (NOW + 10, NOW + 15)
        return [Access(NOW + 11, 0, "c", f"{config.project}/out", candidate=True)]

    SpoolReader(bare, perhaps=perhaps).drain()
    [entry] = ends(config)
    assert entry["files_by"] == "audit+inotify"
    assert entry["writes"] == [{"path": "out", "external": False, "candidate": True}]


def test_what_the_history_leaves_out_says_so(config: Config, made: Path) -> None:
    add(made, end(1, "mysql", hidden=1), end(2, "", hidden=1))
    SpoolReader(config).drain()
    assert [entry["code"] for entry in ends(config)] == [
        "mysql … # left out of the shell's history",
        "… # left out of the shell's history",
    ]


def test_secrets_are_taken_out(config: Config, made: Path) -> None:
    assert config.secrets is not None
    config.secrets.write_text('{"TOKEN": "tok-12345"}')
    add(made, note("H", *ALIVE), end(1, "curl -H tok-12345"), begin(2, "curl tok-12345"))
    SpoolReader(config, outputs=lambda _: [{"mime": "text/plain", "text": "tok-12345"}]).drain()
    assert "tok-12345" not in json.dumps(entries(config))
    assert ends(config)[0]["outputs"] == [{"mime": "text/plain", "text": "[secret TOKEN]"}]


def test_a_journal_that_cannot_be_written_costs_nothing(config: Config, made: Path) -> None:
    add(made, note("H", *GONE), end(1), end(2), begin(3))
    written: list[Entry] = []

    def refuse_after(count: int) -> spool_module.Append:
        def append(entry: Entry) -> None:
            if len(written) >= count:
                raise OSError(28, "No space left on device")
            written.append(entry)

        return append

    for count in range(3):
        reader = SpoolReader(config, refuse_after(count))
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                reader.drain()
        assert made.exists()
    SpoolReader(config, refuse_after(9)).drain()
    assert [entry["id"] for entry in written] == [identity(1), identity(2), identity(3)]


@pytest.mark.needs("strace")
@pytest.mark.parametrize("call", ["write", "fsync", "rename", "unlink"])
def test_being_killed_at_any_point_loses_nothing(config: Config, tmp_path: Path, call: str) -> None:
    names = ("project", "journal", "files", "shell")
    (tmp_path / "capture.json").write_text(json.dumps({name: str(getattr(config, name)) for name in names}))
    code = (
        "import sys; from pathlib import Path; from trailmark_capture.config import Config;"
        "from trailmark_capture.shell.spool import SpoolReader; SpoolReader(Config.load(Path(sys.argv[1]))).drain()"
    )
    drain = [sys.executable, "-S", "-c", code, str(tmp_path / "capture.json")]
    environ = {**os.environ, "PYTHONPATH": str(Path(spool_module.__file__).parents[2])}
    expected = [(identity(1), "ok"), (identity(2), "ok"), (identity(3), "lost")]
    add(Path(environment_for(config, "x", {})[SPOOL_VARIABLE]), note("H", *GONE), end(1), end(2), begin(3))
    last = _calls(drain, call, environ, tmp_path)
    for point in range(max(1, last - 12), last + 2):
        made = Path(environment_for(config, "x", {})[SPOOL_VARIABLE])
        shutil.rmtree(config.journal, ignore_errors=True)
        add(made, note("H", *GONE), begin(1), end(1), end(2), begin(3))
        inject = f"inject={call}:signal=KILL:when={point}"
        done = subprocess.run(
            ["strace", "-qq", "-o", "/dev/null", "-e", inject, *drain], env=environ, check=False
        )
        assert done.returncode in (0, -signal.SIGKILL)
        subprocess.run(drain, env=environ, check=True)
        found = [(entry["id"], entry["status"]) for entry in ends(config)]
        assert sorted(set(found)) == expected, point
        assert len(found) <= 4
        assert not made.exists()


def _calls(argv: list[str], call: str, environ: dict[str, str], tmp_path: Path) -> int:
    """Return how often a program that finds one spool makes a system call."""
    subprocess.run(
        ["strace", "-qq", "-o", str(tmp_path / "calls"), "-e", call, *argv], env=environ, check=True
    )
    return len((tmp_path / "calls").read_text().splitlines())


def test_torn_and_damaged_notes_are_skipped() -> None:
    whole = note("B", identity(1), NOW * 1_000_000, "/p", 0, "a\nb")
    for cut in range(len(whole)):
        found = [item for item, _ in iter_notes(whole[:cut] + end(2))]
        assert [item for item in found if isinstance(item, End)] == [End(*_fields(end(2)))], cut
        assert len(found) == 1 or cut >= len(whole) - 2
    assert list(iter_notes(b"\0\0E\0=x\0=1\0.\0\0" + note("E", "short", 1, "/", 0, "", 2, 0))) == []
    assert list(iter_notes(note("E", identity(1), "x", "/", 0, "", "y", 0))) == []
    assert list(iter_notes(note("Z", 1))) == []


def _fields(data: bytes) -> list[str]:
    return [field[1:].decode() for field in data.strip(b"\0").split(b"\0")[1:-1]]


def test_notes_are_read_back() -> None:
    session = Session("S", "", "local", "person", "/log", "shim", "/scratch")
    data = encode(session) + note("H", *GONE) + begin(1, "a\n  b\n")
    notes: list[Note] = [item for item, _ in iter_notes(data)]
    assert notes == [session, GONE, Begin(identity(1), str((NOW + 10) * 1_000_000), "/p", "0", "a\n  b")]


def test_a_pid_that_is_used_again_is_another_shell() -> None:
    assert ALIVE is not None
    assert ALIVE.is_alive()
    assert not ALIVE._replace(started="1").is_alive()
    assert not ALIVE._replace(boot="x").is_alive()
    assert not ALIVE._replace(pid="999999999").is_alive()


def test_two_readers_do_not_work_at_once(config: Config, made: Path) -> None:
    add(made, end(1), end(2))
    inner = SpoolReader(config)
    drained: list[int] = []
    assert SpoolReader(config, lambda _: drained.append(inner.drain())).drain() == 2
    assert drained == [0, 0]


def test_without_a_shell_there_is_nothing_to_do(config: Config) -> None:
    assert SpoolReader(config).drain() == 0
    assert entries(config) == []


def test_real_commands_with_their_files(config: Config, start) -> None:
    (config.project / "in.txt").write_text("b\na\n")
    terminal = start()
    reader = SpoolReader(config)
    terminal.run("sort in.txt | tee sorted.txt > copy.txt; mv copy.txt moved.txt")
    terminal.run("python3 -c \"open('py.txt', 'w').write(open('sorted.txt').read())\"")
    terminal.run("rm py.txt; false")
    reader.drain()
    first, second, third = ends(config)

    def names(entry: Entry, key: str) -> list[str]:
        return [file["path"] for file in entry[key] if not file["external"]]

    if config.shim is None:
        return
    assert (names(first, "reads"), names(first, "writes")) == (["in.txt"], ["sorted.txt", "moved.txt"])
    assert names(second, "reads") == ["sorted.txt"]
    assert third["deletes"] == ["py.txt"]
    assert third["status"] == "error"


def test_a_real_shell_that_is_killed(config: Config, start) -> None:
    terminal = start()
    reader = SpoolReader(config)
    terminal.run("echo done")
    terminal.send("sleep 60\n")
    terminal.wait(lambda: "sleep 60" in terminal.begun())
    assert reader.drain() == 1
    terminal.kill()
    assert reader.drain() == 1
    assert [(entry["code"], entry["status"]) for entry in ends(config)] == [
        ("echo done", "ok"),
        ("sleep 60", "lost"),
    ]
    assert not terminal.spool.exists()


def test_a_real_shell_that_is_left(config: Config, start) -> None:
    terminal = start()
    terminal.send("exit\n")
    terminal.wait(terminal.is_over)
    SpoolReader(config).drain()
    assert [(entry["code"], entry["status"]) for entry in ends(config)] == [("exit", "ok")]
    assert time.time() - ends(config)[0]["ended"] < 60
    assert len(new_id()) == len(ends(config)[0]["id"])
