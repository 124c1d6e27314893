"""Commands that are really run, by a process of their own as `trailmark run` is."""

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import trailmark_capture
from trailmark_capture import journal
from trailmark_capture.config import Config
from trailmark_capture.files import find_shim
from trailmark_capture.journal import Entry

DRIVER = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from trailmark_capture.config import Config
from trailmark_capture.journal import Writer
from trailmark_capture.run import run_command
config = Config.load(Path(sys.argv[2]))
writer = Writer(config.journal, "run")
sys.exit(run_command(sys.argv[3:], config, writer, title="A run"))
"""


class Runner:
    """Runs commands in a project; `last` is what was journalled of the last one."""

    def __init__(self, folder: Path, shim: str | None) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        state = folder / "state"
        self.settings: dict[str, Any] = {
            "project": str(self.project),
            "journal": str(state / "journal"),
            "files": str(state / "files"),
            "shell": str(state / "shell"),
            "session": "S",
            "tool": "trailmark",
            "environment": "lock",
            "shim": shim,
            "exclude": ["/usr", "/lib", "/etc", "/bin", sys.prefix, sys.base_prefix, str(state)],
            "secrets": str(folder / "secrets.json"),
        }
        self.path = folder / "capture.json"

    def argv(self, command: Sequence[str]) -> list[str]:
        self.path.write_text(json.dumps(self.settings))
        source = str(Path(trailmark_capture.__file__).parents[1])
        return [sys.executable, "-c", DRIVER, source, str(self.path), *command]

    def __call__(self, *command: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        options.setdefault("stdin", subprocess.DEVNULL) if "input" not in options else None
        return subprocess.run(
            self.argv(command),
            cwd=self.project,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **options,
        )

    def start(self, *command: str, **options: Any) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self.argv(command), cwd=self.project, **options)

    def entries(self) -> list[Entry]:
        folder = Config.load(self.path).journal
        return [entry for segment in journal.segments(folder) for entry, _ in journal.read(segment)]

    @property
    def last(self) -> Entry:
        entry = self.entries()[-1]
        assert entry["type"] == "end"
        return entry

    def text(self, name: str = "stdout") -> str:
        return next((str(output["text"]) for output in self.last["outputs"] if output["name"] == name), "")


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path.resolve(), find_shim())


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", textwrap.dedent(code))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_streams_and_exit_code_are_passed_on_and_kept(run: Runner) -> None:
    done = run("sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    begin, end = run.entries()
    assert (begin["type"], end["type"], begin["id"]) == ("begin", "end", end["id"])
    assert (end["kind"], end["tool"], end["session"], end["environment"]) == ("run", "trailmark", "S", "lock")
    assert (end["status"], end["exit_code"], end["title"]) == ("error", 3, "A run")
    assert end["code"] == "sh -c 'echo out; echo err >&2; exit 3'"
    assert end["error"] == {"name": "Exit code", "value": "3", "traceback": ""}
    assert end["outputs"] == [
        {"mime": "text/plain", "name": "stdout", "group": 0, "text": "out\n"},
        {"mime": "text/plain", "name": "stderr", "group": 1, "text": "err\n"},
    ]
    assert end["started"] <= end["ended"] <= time.time()
    assert begin["files_log"].startswith(run.settings["files"])
    assert not Path(begin["files_log"]).exists()


def test_a_command_that_succeeds_says_nothing_of_its_own(run: Runner) -> None:
    assert run("true").stdout == ""
    assert (run.last["status"], run.last["exit_code"], run.last["outputs"], run.last["error"]) == (
        "ok",
        0,
        [],
        None,
    )


def test_resources_are_measured(run: Runner) -> None:
    run(*python("x = bytearray(50_000_000); sum(range(3_000_000))"))
    assert run.last["resources"]["max_rss_bytes"] > 50_000_000
    assert run.last["resources"]["cpu_seconds"] > 0.02


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (["no-such-command-here", "x"], 127, "no-such-command-here: command not found"),
        (["./absent"], 127, "./absent: command not found"),
        (["./plain"], 126, "./plain: permission denied"),
        (["./orphan"], 127, "./orphan: its interpreter was not found"),
    ],
)
def test_a_command_that_cannot_be_started(run: Runner, command: list[str], code: int, says: str) -> None:
    (run.project / "plain").write_text("x")
    (run.project / "orphan").write_text("#!/no/such/interpreter\n")
    (run.project / "orphan").chmod(0o755)
    done = run(*command)
    assert (done.returncode, done.stderr) == (code, f"trailmark: {says}\n")
    assert (run.last["status"], run.last["exit_code"]) == ("error", code)
    assert run.last["error"]["name"] == "Not started"
    assert run.text("stderr") == done.stderr


def test_a_script_without_an_interpreter_is_run_as_a_shell_does(run: Runner) -> None:
    (run.project / "script").write_text('echo "plain script $1"\n')
    (run.project / "script").chmod(0o755)
    assert run("./script", "one").stdout == "plain script one\n"
    assert run.last["source"] == "script"


def test_a_command_that_dies_of_a_signal(run: Runner) -> None:
    assert run("sh", "-c", "kill -KILL $$").returncode == 137
    assert (run.last["status"], run.last["error"]["value"]) == ("error", "SIGKILL")
    assert run("sh", "-c", "kill -INT $$").returncode == 130
    assert run.last["status"] == "interrupted"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_are_handed_on(run: Runner, number: int) -> None:
    process = run.start(
        "sh",
        "-c",
        "trap 'echo got it; exit 9' INT TERM HUP; touch ready; while :; do sleep 0.05; done",
        stdout=subprocess.PIPE,
    )
    wait_until((run.project / "ready").exists)
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (9, b"got it\n")
    assert (run.last["status"], run.last["exit_code"]) == ("interrupted", 9)


def test_a_command_that_takes_a_signal_lightly_is_not_interrupted(run: Runner) -> None:
    process = run.start(
        "sh", "-c", "trap 'echo later' INT; touch ready; sleep 0.5; sleep 0.3; exit 0", stdout=subprocess.PIPE
    )
    wait_until((run.project / "ready").exists)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, b"later\n")
    assert run.last["status"] == "ok"


def test_no_signal_is_blocked_or_ignored_for_the_command_that_was_not_before(run: Runner) -> None:
    command = ("sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status")
    before = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert run(*command).stdout == before


def test_input_goes_to_the_command_and_is_not_kept(run: Runner) -> None:
    done = run("sh", "-c", "read line; echo ${#line}", input="my password\n")
    assert done.stdout == "11\n"
    assert "my password" not in json.dumps(run.entries())


def test_a_large_stream_keeps_head_and_tail(run: Runner) -> None:
    run.settings["max_output_bytes"] = 100_000
    done = run("seq", "1", "200000")
    assert done.stdout.count("\n") == 200_000
    [output] = run.last["outputs"]
    assert output["truncated"] == {
        "bytes": len(done.stdout),
        "sha256": hashlib.sha256(done.stdout.encode()).hexdigest(),
    }
    assert output["text"].startswith("1\n2\n")
    assert output["text"].endswith("\n200000\n")
    assert len(output["text"]) < 101_000


def test_two_large_streams_share_the_limit(run: Runner) -> None:
    run.settings["max_output_bytes"] = 100_000
    run("sh", "-c", "seq 1 14000; seq 1 14000 >&2")
    assert sum(len(output["text"]) for output in run.last["outputs"]) < 101_000
    run("sh", "-c", "seq 1 15000; echo small >&2")
    assert (run.text("stdout").count("\n"), run.text("stderr")) == (15_000, "small\n")


def test_progress_bars_collapse(run: Runner) -> None:
    argv = run.argv(["sh", "-c", r"for n in 1 2 3; do printf '\r%d of 3' $n; done; echo"])
    done = subprocess.run(argv, cwd=run.project, capture_output=True, check=True)
    assert done.stdout == b"\r1 of 3\r2 of 3\r3 of 3\n"
    [output] = run.last["outputs"]
    assert (output["text"], output["frames"]) == ("3 of 3\n", 3)


def test_bytes_that_are_no_text_do_no_harm(run: Runner) -> None:
    done = subprocess.run(
        run.argv(["printf", r"a\377b\000c"]), cwd=run.project, capture_output=True, check=True
    )
    assert done.stdout == b"a\xffb\0c"
    assert run.text() == "a\ufffdb\0c"


def test_secrets_are_taken_out(run: Runner) -> None:
    Path(run.settings["secrets"]).write_text('{"TOKEN": "tok-12345678"}')
    encoded = base64.b64encode(b"me:tok-12345678").decode()
    done = run("echo", "tok-12345678", encoded)
    assert done.stdout == f"tok-12345678 {encoded}\n"
    kept = json.dumps(run.entries())
    assert "tok-12345678" not in kept
    assert encoded not in kept
    assert "[secret TOKEN]" in run.last["code"]


def test_a_program_left_behind_is_not_waited_for(run: Runner) -> None:
    started = time.monotonic()
    done = run("sh", "-c", "echo parent; (sleep 30; echo late) & echo done")
    assert time.monotonic() - started < 10
    assert done.stdout == run.text() == "parent\ndone\n"


def test_a_program_left_behind_that_never_stops_writing(run: Runner) -> None:
    started = time.monotonic()
    assert run("sh", "-c", "yes & echo done").returncode == 0
    assert time.monotonic() - started < 20


def test_a_slow_reader_gets_everything(run: Runner) -> None:
    process = run.start("seq", "1", "300000", stdout=subprocess.PIPE)
    assert process.stdout is not None
    time.sleep(2)
    assert process.stdout.read().count(b"\n") == 300_000
    assert process.wait(20) == 0


def test_a_reader_that_goes_away_ends_the_command(run: Runner) -> None:
    process = run.start("yes", stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"y\n"
    process.stdout.close()
    assert process.wait(20) == 128 + signal.SIGPIPE


def test_files_of_the_command_and_its_children(run: Runner) -> None:
    for name in ("in.txt", "both.txt"):
        (run.project / name).write_text("b\na\n")
    run(
        "sh",
        "-c",
        "sort in.txt | tee out.txt > copy.txt; sort -o both.txt both.txt; touch tmp; rm tmp; mv copy.txt moved.txt",
    )
    if run.settings["shim"] is None:
        pytest.skip("the shim was not built")

    def names(key: str) -> set[str]:
        return {entry["path"] for entry in run.last[key] if not entry["external"]}

    assert run.last["files_by"] == "shim"
    assert names("reads") == {"in.txt", "both.txt"}
    assert names("writes") == {"out.txt", "both.txt", "moved.txt"}
    assert run.last["deletes"] == []


def test_without_the_shim_python_and_the_system_tell(run: Runner) -> None:
    run.settings["shim"] = None
    (run.project / "in.txt").write_text("1")
    code = """
        import subprocess
        open("out.txt", "w").write(open("in.txt").read())
        subprocess.run(["cp", "in.txt", "cp.txt"], check=True)
        """
    run(*python(code))
    by_path = {entry["path"]: entry.get("candidate", False) for entry in run.last["writes"]}
    assert run.last["files_by"] == "audit+inotify"
    assert by_path == {"out.txt": False, "cp.txt": True}
    assert {"path": "in.txt", "external": False} in run.last["reads"]


def test_the_digest_of_a_file_that_is_read_and_then_overwritten(run: Runner) -> None:
    if run.settings["shim"] is None:
        pytest.skip("the shim was not built")
    (run.project / "x").write_text("before")
    (run.project / "y").write_text("before")
    time.sleep(0.05)
    run(
        *python(
            "import time; open('x').read(); open('y').read(); time.sleep(1); open('x', 'w').write('after')"
        )
    )
    [x, y] = (entry for entry in run.last["reads"] if not entry["external"])
    assert x["digest"] == hashlib.sha256(b"before").hexdigest()
    assert x["bytes"] == 6
    assert "digest" not in y
    run(*python("open('x').read(); open('x', 'w').write('at once')"))
    [x] = (entry for entry in run.last["reads"] if not entry["external"])
    assert x.get("digest") in (None, hashlib.sha256(b"after").hexdigest())


def test_the_source_is_the_script(run: Runner) -> None:
    (run.project / "code").mkdir()
    (run.project / "code/fit.py").write_text("print('fitted')")
    (run.project / "data.csv").write_text("1")
    run(sys.executable, "code/fit.py", "data.csv")
    assert run.last["source"] == "code/fit.py"
    run("cat", "data.csv")
    assert run.last["source"] is None


def test_a_journal_that_cannot_be_written_starts_nothing(run: Runner) -> None:
    run.settings["journal"] = str(run.project / "file/journal")
    (run.project / "file").write_text("")
    assert run("touch", "started").returncode == 1
    assert not (run.project / "started").exists()


def test_standard_output_may_be_closed(run: Runner) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" >&- 2>&-', "sh", *run.argv(["sh", "-c", "echo out; exit 4"])],
        cwd=run.project,
        check=False,
    )
    assert done.returncode == 4
    assert run.text() == "out\n"


# -- with a terminal ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def terminal(run: Runner, *command: str) -> Iterator[tuple[int, int, Callable[[bytes], bytes]]]:
    """Run a command in a terminal; give its process, the terminal, and what reads up to something shown."""
    argv = run.argv(command)
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(run.project)
        os.execv(argv[0], argv)
    seen = b""

    def read_until(what: bytes) -> bytes:
        nonlocal seen
        deadline = time.monotonic() + 20
        while what not in seen:
            assert time.monotonic() < deadline, seen
            if select.select([fd], [], [], 0.1)[0]:
                try:
                    seen += os.read(fd, 65536)
                except OSError:
                    break
        return seen

    try:
        yield pid, fd, read_until
    finally:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(fd)


def end_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_command_in_a_terminal_sees_one(run: Runner) -> None:
    code = "import os, sys; print([os.isatty(n) for n in (0, 1, 2)], os.get_terminal_size(1)); print(input('name? '))"
    with terminal(run, *python(code)) as (pid, fd, read_until):
        read_until(b"name? ")
        os.write(fd, b"Ada secretly\n")
        shown = read_until(b"Ada secretly\r\nAda secretly\r\n")
        assert end_of(pid) == 0
    assert b"[True, True, True]" in shown
    assert b"\r\r\n" not in shown
    assert run.text() == run.text().replace("\r", "")
    assert "[True, True, True]" in run.text()


def test_what_is_typed_at_a_prompt_is_not_kept(run: Runner) -> None:
    code = "import getpass; n = len(getpass.getpass('pass? ')); print(n, len(input('word? ')))"
    with terminal(run, *python(code)) as (pid, fd, read_until):
        read_until(b"pass? ")
        os.write(fd, b"hidden words\n")
        read_until(b"word? ")
        os.write(fd, b"open words\n")
        read_until(b"12 10")
        assert end_of(pid) == 0
    kept = json.dumps(run.entries())
    assert "hidden words" not in kept
    assert "open words" not in kept
    assert "12 10" in kept


def test_ctrl_c_reaches_the_command_once(run: Runner) -> None:
    code = """
        import signal, sys, time
        count = 0
        def handle(*_):
            global count
            count += 1
        signal.signal(signal.SIGINT, handle)
        print("ready", flush=True)
        time.sleep(0.5)
        time.sleep(0.5)
        sys.exit(40 + count)
        """
    with terminal(run, *python(code)) as (pid, fd, read_until):
        read_until(b"ready")
        os.write(fd, b"\x03")
        read_until(b"^C")
        assert end_of(pid) == 41
    assert run.last["status"] == "interrupted"


def test_a_new_size_reaches_the_command(run: Runner) -> None:
    code = """
        import os, signal
        signal.signal(signal.SIGWINCH, lambda *_: print("now", os.get_terminal_size(1).columns, flush=True))
        print("ready", flush=True)
        signal.pause(); signal.pause()
        """
    with terminal(run, *python(code)) as (_, fd, read_until):
        read_until(b"ready")
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
        read_until(b"now 99")


def test_what_is_kept_to_the_record_goes_nowhere_else(tmp_path: Path) -> None:
    runner = Runner(tmp_path, None)
    argv = runner.argv(["sh", "-c", "echo marmot; echo oops >&2"])
    argv[2] = DRIVER.replace('title="A run"', "onto=(None, None)")
    quiet = subprocess.run(argv, cwd=runner.project, capture_output=True, text=True, timeout=60, check=True)
    assert (quiet.stdout, quiet.stderr) == ("", "")
    outputs = runner.last["outputs"]
    assert [(output["name"], output["text"]) for output in outputs] == [
        ("stdout", "marmot\n"),
        ("stderr", "oops\n"),
    ]


@pytest.mark.needs("R")
def test_a_script_of_r_is_one_run_with_its_figures(run: Runner) -> None:
    (run.project / "fit.R").write_text(
        "d <- read.csv('in.csv')\nprint(nrow(d))\nplot(d)\nmessage('drawn')\nwriteLines('1', 'out.txt')\n"
        "plot(2)\nsystem2('Rscript', c('-e', shQuote('plot(3)')))\nquit(status = 3)\n"
    )
    (run.project / "in.csv").write_text("a,b\n1,2\n3,4\n")
    done = run("Rscript", "fit.R")
    assert (done.returncode, done.stdout, done.stderr) == (3, "[1] 2\n", "drawn\n")
    begin, end = run.entries()
    assert begin["id"] == end["id"]
    assert (end["kind"], end["source"], end["exit_code"]) == ("run", "fit.R", 3)
    shown = [(output["mime"], output["group"]) for output in end["outputs"]]
    assert shown == [("text/plain", 0), ("text/plain", 1), *(("image/png", group) for group in (2, 3, 4))]
    if run.settings["shim"]:
        assert "in.csv" in [file["path"] for file in end["reads"]]
        assert {"out.txt", "Rplots.pdf"} <= {file["path"] for file in end["writes"]}
    assert list(Path(run.settings["shell"]).iterdir()) == []


@pytest.mark.needs("R")
def test_an_interactive_r_that_is_run_is_one_run(run: Runner) -> None:
    run(
        "R", "--interactive", "--quiet", "--no-save", "--no-readline", input="1 + 1\nplot(1)\nq(status = 2)\n"
    )
    assert [entry["type"] for entry in run.entries()] == ["begin", "end"]
    assert run.last["exit_code"] == 2
    assert "[1] 2" in run.text()
    assert [output["mime"] for output in run.last["outputs"]] == ["text/plain", "image/png"]
