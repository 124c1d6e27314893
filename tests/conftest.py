"""What every test may rely on: a fresh Trailmark home, and nothing of the person's own within reach.

For the whole run HOME, Git's global configuration and TRAILMARK_HOME point into a temporary folder. When
the run is over, the person's real Git configuration, Jupyter folders and Trailmark home are compared with
what they were; a difference fails the run.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest
from tests.containers import RUN_FOLDER, docker, end_daemons, podman

from trailmark import settings as trailmark_settings
from trailmark.settings import Settings

__all__ = ["docker", "podman"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FORGOTTEN = ("GIT_", "JUPYTER_", "XDG_", "TRAILMARK_")
# What `make test` can install; with CI=true none of it may be missing.
INSTALL = {
    "chromium": "apt install chromium",
    "docker-registry": "apt install docker-registry",
    "gcc": "apt install gcc libc6-dev",
    "git": "apt install git",
    "R": "apt install r-base-core r-cran-irkernel",
    "strace": "apt install strace",
}

REAL_HOME = pytest.StashKey[Path]()
TEMPORARY = pytest.StashKey[Path]()
BEFORE = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Move the run away from the person's own files; the workers of pytest-xdist inherit it."""
    if hasattr(config, "workerinput"):
        return
    _pass_on_no_ignored_signals()
    config.stash[REAL_HOME] = Path(os.environ.get("HOME") or Path.home())
    config.stash[BEFORE] = _fingerprints(config.stash[REAL_HOME])
    config.stash[TEMPORARY] = Path(tempfile.mkdtemp(prefix="trailmark-run-"))
    _isolate(config.stash[REAL_HOME], config.stash[TEMPORARY])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that touched what is the person's own."""
    if BEFORE in session.config.stash and _touched(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what was touched."""
    for name in _touched(config) if BEFORE in config.stash else []:
        terminalreporter.section("not isolated", red=True)
        terminalreporter.line(f"{name} changed while the tests ran.")
        terminalreporter.line("If your own Trailmark or JupyterLab was at work, stop it and try again.")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the temporary folder of the run."""
    if TEMPORARY in config.stash:
        end_daemons()
        shutil.rmtree(config.stash[TEMPORARY], ignore_errors=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose programs are not installed, by name; with CI=true that may be a failure."""
    wanted = [program for mark in item.iter_markers("needs") for program in mark.args]
    if item.get_closest_marker("browser"):
        wanted.append("chromium")
    missing = [program for program in wanted if find_program(program) is None]
    if not missing:
        return
    reason = "not installed: " + ", ".join(f"{name} ({INSTALL.get(name, 'optional')})" for name in missing)
    if os.environ.get("CI") == "true" and INSTALL.keys() & set(missing):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def find_program(name: str) -> str | None:
    """Return where a program is; None when this machine does not have it."""
    names = BROWSERS if name == "chromium" else (name,)
    return next(filter(None, map(shutil.which, names)), None)


def _pass_on_no_ignored_signals() -> None:
    """Let tests start programs that hear signals, also where this run was started to ignore some.

    With `nohup`, or in the background of a script. A handler, unlike SIG_IGN, is not passed on to a program.
    """
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def _isolate(real: Path, temporary: Path) -> None:
    cache = os.environ.get("XDG_CACHE_HOME") or str(real / ".cache")
    keep = {
        "UV_CACHE_DIR": Path(cache) / "uv",
        "UV_PYTHON_INSTALL_DIR": real / ".local" / "share" / "uv" / "python",
        "UV_CONFIG_FILE": real / ".config" / "uv" / "uv.toml",
        "PYENV_ROOT": real / ".pyenv",
    }
    for variable, path in keep.items():
        if variable not in os.environ and (path.exists() or variable == "UV_CACHE_DIR"):
            os.environ[variable] = str(path)
    for variable in [name for name in os.environ if name.startswith(FORGOTTEN)]:
        if variable not in ("GIT_SSL_CAINFO", "TRAILMARK_KILL_POINTS"):
            del os.environ[variable]
    home = temporary / "user"
    home.mkdir()
    (temporary / "gitconfig").write_text("", encoding="utf-8")
    os.environ["HOME"] = str(home)
    os.environ["GIT_CONFIG_GLOBAL"] = str(temporary / "gitconfig")
    os.environ["TRAILMARK_HOME"] = str(temporary / "trailmark")
    os.environ[RUN_FOLDER] = str(temporary)


def _fingerprints(home: Path) -> dict[str, str]:
    watched = (".gitconfig", ".config/git", ".jupyter", ".local/share/jupyter", ".local/share/trailmark")
    return {f"~/{name}": _fingerprint(home / name) for name in watched}


def _fingerprint(path: Path) -> str:
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if name != "environments")
        for name in sorted(files):
            _add(digest, Path(folder, name))
    _add(digest, path)
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", path: Path) -> None:
    with contextlib.suppress(OSError):
        status = path.lstat()
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))


def _touched(config: pytest.Config) -> list[str]:
    before = config.stash[BEFORE]
    after = _fingerprints(config.stash[REAL_HOME])
    return [name for name in before if before[name] != after[name]]


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh TRAILMARK_HOME, of a path short enough for sockets. What still runs in it is ended."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("TRAILMARK_HOME", str(folder))
    monkeypatch.setenv("LOGNAME", "ada")
    monkeypatch.setenv("USER", "ada")
    yield folder
    if any((folder / name).exists() for name in ("state", "sessions", "web")):
        _end_processes_of(folder)


def _end_processes_of(home: Path) -> None:
    own = {psutil.Process().pid, *(parent.pid for parent in psutil.Process().parents())}
    left = [process for process in psutil.process_iter() if process.pid not in own]
    left = [process for process in left if _environment(process).get("TRAILMARK_HOME") == str(home)]
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=10)


def _environment(process: psutil.Process) -> Mapping[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}


@pytest.fixture
def settings(home: Path) -> Settings:
    """The settings of a fresh home, with Ada as the person."""
    (home / "settings.toml").write_text(
        'device = "desk"\n[person]\nname = "Ada Lovelace"\nemail = "ada@example.org"\n', encoding="utf-8"
    )
    return trailmark_settings.load(os.environ)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is. For tests marked `browser`."""
    found = find_program("chromium")
    assert found is not None, "the test is not marked `browser`"
    return found


@pytest.fixture(scope="session")
def trailmark() -> list[str]:
    """The command line as a program: `subprocess.run([*trailmark, "new", "x"])`."""
    return [sys.executable, "-m", "trailmark"]
