"""Container engines for tests: a Docker and a podman that answer, and a base image to start from.

An engine that runs already is used. Otherwise, as root, one is started, and ended with the run. Where there is
none, tests are skipped with the reason; with CI=true they fail with it.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from trailmark.engines.daemon import Daemon, find_daemon
from trailmark.errors import TrailmarkError

BASE = "trailmark-test-bookworm"
# The variable that names the folder of the whole run; that of Trailmark's home is another for each test.
RUN_FOLDER = "TRAILMARK_TEST_RUN"
_BASE_PACKAGES = ("apt", "ca-certificates", "python3", "python3-venv")
_START_SECONDS = 40.0
_DOCKER_WAYS: Sequence[Sequence[str]] = (
    (),
    ("--iptables=false", "--ip6tables=false", "--bridge=none"),
    ("--storage-driver=vfs",),
    ("--storage-driver=vfs", "--iptables=false", "--ip6tables=false", "--bridge=none"),
)
# Machines that are containers themselves may not raise limits, and have no systemd.
_PODMAN_SETTINGS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


@pytest.fixture(scope="session")
def docker() -> Daemon:
    """A Docker engine with the base image."""
    with _alone():
        daemon = _running_docker() or _start_docker()
        _ensure_base(daemon)
    return daemon


@pytest.fixture(scope="session")
def podman() -> Daemon:
    """A podman that offers Docker's interface, with the base image."""
    with _alone():
        daemon = _start_podman()
        _ensure_base(daemon)
    return daemon


def end_daemons() -> None:
    """End the engines that this run started."""
    with contextlib.suppress(FileNotFoundError):
        for line in (_run_folder() / "daemons").read_text(encoding="ascii").split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(line), signal.SIGTERM)


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one worker of one run at a time look for engines and images, and make them."""
    with (Path(tempfile.gettempdir()) / f"trailmark-containers-{os.getuid()}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _run_folder() -> Path:
    return Path(os.environ[RUN_FOLDER])


def _running_docker() -> Daemon | None:
    try:
        daemon = find_daemon(os.environ, "docker")
        daemon.api.ping()
    except TrailmarkError:
        return None
    return daemon


def _start_docker() -> Daemon:
    if os.getuid() != 0 or shutil.which("dockerd") is None:
        _missing("no Docker engine answers, and none can be started (as root: apt install docker.io)")
    said = []
    for way in _DOCKER_WAYS:
        daemon = Daemon("unix:///var/run/docker.sock")
        log = _started(["dockerd", *way], daemon)
        if log is None:
            return daemon
        said.append(f"dockerd {' '.join(way)}\n{log}")
    pytest.fail("dockerd is installed but cannot be started here:\n" + "\n".join(said), pytrace=False)


def _start_podman() -> Daemon:
    if shutil.which("podman") is None:
        _missing("podman is not installed (apt install podman runc catatonit)")
    folder = _run_folder()
    daemon = Daemon(f"unix://{folder}/podman.sock", "podman")
    if (folder / "podman.sock").exists():
        return daemon
    settings = folder / "containers.conf"
    settings.write_text(_PODMAN_SETTINGS, encoding="utf-8")
    runtime = ["--runtime", "runc"] if os.getuid() == 0 and shutil.which("runc") else []
    argv = ["podman", *runtime, "system", "service", "--time", "0", daemon.address]
    log = _started(argv, daemon, {"CONTAINERS_CONF": str(settings)})
    if log is not None:
        pytest.fail(f"podman is installed but its service cannot be started here:\n{log}", pytrace=False)
    return daemon


def _started(argv: Sequence[str], daemon: Daemon, env: dict[str, str] | None = None) -> str | None:
    """Start an engine and wait until it answers; return the end of its log when it does not."""
    log = _run_folder() / f"{argv[0]}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            # Whatever runs in the home of a test is ended with that test.
            env={name: value for name, value in os.environ.items() if name != "TRAILMARK_HOME"} | (env or {}),
            # podman leaves a file where it runs when a container needed too much memory.
            cwd=_run_folder(),
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(TrailmarkError):
            daemon.api.ping()
            with (_run_folder() / "daemons").open("a", encoding="ascii") as pids:
                pids.write(f"{process.pid}\n")
            return None
        time.sleep(0.1)
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    return log.read_text(encoding="utf-8", errors="replace")[-4000:]


def _ensure_base(daemon: Daemon) -> None:
    """Make the base image known to an engine, and see that a program runs in it."""
    if not daemon.api.images(name=BASE):
        archive = _base_archive()
        loaded = daemon.api.import_image_from_file(str(archive), repository=BASE)
        assert "error" not in loaded, f"{daemon.kind} does not take {archive}: {loaded}"
    argv = {"Image": BASE, "Cmd": ["true"], "HostConfig": {"NetworkMode": daemon.network}}
    made = daemon.api.create_container_from_config(argv)["Id"]
    try:
        daemon.api.start(made)
        daemon.api.wait(made)
    except Exception as error:
        pytest.fail(f"{daemon.kind} answers, but no program can be run with it: {error}", pytrace=False)
    finally:
        daemon.api.remove_container(made, force=True)


def _base_archive() -> Path:
    """Return the archive of a small Debian with Python, made once on a machine."""
    folder = next(
        path for path in (Path("/var/cache"), Path(tempfile.gettempdir())) if os.access(path, os.W_OK)
    )
    archive = folder / f"{BASE}.tar"
    if archive.is_file():
        return archive
    if os.getuid() != 0 or shutil.which("mmdebstrap") is None:
        _missing(f"there is no image {BASE}, and none can be made (as root: apt install mmdebstrap)")
    unfinished = archive.with_suffix(".part")
    done = subprocess.run(
        [
            *("mmdebstrap", "--mode=root", "--variant=essential", "--format=tar", "--quiet"),
            f"--include={','.join(_BASE_PACKAGES)}",
            "--dpkgopt=force-unsafe-io",
            *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")),
            *("bookworm", str(unfinished), *_mirror()),
        ],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        pytest.fail(f"the image {BASE} cannot be made:\n{done.stderr[-4000:]}", pytrace=False)
    unfinished.replace(archive)
    return archive


def _mirror() -> list[str]:
    """Return the address of this machine's own Debian mirror, where it names one."""
    for path in sorted(Path("/etc/apt/sources.list.d").glob("debian*.sources")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("URIs:"):
                return [line.split()[1]]
    return []
