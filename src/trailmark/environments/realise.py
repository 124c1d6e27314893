"""Make a lock into an environment on this machine: once, shared by every project that has the same lock."""

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trailmark.durable import sync_file_system, sync_folder, write_file
from trailmark.environments.interpreter import Interpreter
from trailmark.environments.model import LOCK_FILE_NAME, Lock, parse_python
from trailmark.environments.uv import Uv
from trailmark.errors import Cancelled, CommandFailed, InvalidInput, Unavailable
from trailmark.progress import NullProgress, Progress

MARK = "trailmark.json"
_WAIT_SECONDS = 0.1


class InstallFailed(CommandFailed):
    """The packages of a lock could not be installed; carries uv's reason in full."""


@dataclass(frozen=True)
class Realised:
    """An environment that is ready: its folder, its Python and the lock that it was made from."""

    path: Path
    python: Path
    digest: str


def find_realised(digest: str, home: Path) -> Realised | None:
    """Return the environment of that lock when it is complete and its Python still there."""
    path = home / "environments" / digest
    python = path / "bin" / "python"
    if not (path / MARK).is_file() or not os.access(python, os.X_OK):
        return None
    return Realised(path, python, digest)


def python_version(realised: Realised) -> str | None:
    """Return the version of the Python that an environment was made with, None when its mark does not say."""
    try:
        return str(json.loads((realised.path / MARK).read_bytes())["python"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def ensure(
    lock: Lock,
    *,
    home: Path,
    python: Interpreter,
    uv: Uv,
    progress: Progress | None = None,
) -> Realised:
    """Return the lock's environment, made first when this machine has none. Any number may call at once.

    The folder counts only once its mark is written, last and to disk; whatever a killed call left is removed
    by the next. Raises InstallFailed or Cancelled, with nothing left behind.
    """
    progress = progress or NullProgress()
    ready = find_realised(lock.digest, home)
    if ready:
        return ready
    if lock.requires_python and not parse_python(lock.requires_python).contains(
        python.version, prereleases=True
    ):
        raise InvalidInput(
            f"The lock was resolved for Python {lock.requires_python}, and {python.path} is {python.version}. "
            "Install a Python that fits, or resolve the environment again."
        )
    folder = home / "environments"
    folder.mkdir(parents=True, exist_ok=True)
    with _held(folder / f".{lock.digest}.lock", progress) as held:
        ready = find_realised(lock.digest, home)
        return ready or _make(lock, folder / lock.digest, python, uv, progress, held)


def iter_made(home: Path) -> Iterator[tuple[str, float | None]]:
    """Yield the digest of every environment that has a folder, and when it was made; None for one half made."""
    for path in sorted((home / "environments").glob("[0-9a-f]*")):
        try:
            yield path.name, (path / MARK).stat().st_mtime
        except OSError:
            yield path.name, None


def remove_made(digest: str, home: Path) -> bool:
    """Remove the environment of a lock, which can be made again from it; False when it is being made right now."""
    path = home / "environments" / digest
    with _open_writable(path.with_name(f".{digest}.lock")) as fd:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        _remove(path)
    return not path.exists()


@contextlib.contextmanager
def _held(path: Path, progress: Progress) -> Iterator[int]:
    """Hold a lock that ends with our process, whatever ends it."""
    with _open_writable(path) as fd:
        told = False
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    progress.step("Waiting: the same environment is being made already")
                    told = True
                if progress.cancelled:
                    raise Cancelled("Stopped waiting for the environment, as asked.") from None
                time.sleep(_WAIT_SECONDS)
        yield fd


@contextlib.contextmanager
def _open_writable(path: Path) -> Iterator[int]:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(f"Trailmark cannot write in {path.parent} ({error.strerror}).") from error
    try:
        yield fd
    finally:
        os.close(fd)


def _make(lock: Lock, path: Path, python: Interpreter, uv: Uv, progress: Progress, held: int) -> Realised:
    """Build at the final path. uv inherits the lock, so that a uv which outlives us is waited for."""
    try:
        _remove(path)
        progress.step("Making the environment")
        made = uv.follow(
            ["venv", "--no-project", "--no-config", "--python", str(python.path), str(path)],
            progress,
            cwd=path.parent,
            keep=[held],
        )
        _require(made.ok, made.stderr)
        (path / LOCK_FILE_NAME).write_text(lock.text, encoding="utf-8")
        progress.step(f"Installing {sum(one.applies() for one in lock.packages)} packages")
        installed = uv.follow(
            ["pip", "sync", "--require-hashes", "--python", str(path / "bin" / "python"), LOCK_FILE_NAME],
            progress,
            cwd=path,
            keep=[held],
        )
        _require(installed.ok, installed.stderr)
        progress.step("Writing to disk")
        return _finish(lock, path, python)
    except OSError as error:
        _remove(path)
        raise Unavailable(
            f"The environment could not be written to {path.parent} ({error.strerror}). Nothing was changed; "
            "make room there and try again."
        ) from error
    except BaseException:
        _remove(path)
        raise


def _finish(lock: Lock, path: Path, python: Interpreter) -> Realised:
    sync_file_system(path)
    mark = {"lock": lock.digest, "python": python.version, "made": time.time()}
    write_file(path / MARK, json.dumps(mark).encode())
    return Realised(path, path / "bin" / "python", lock.digest)


def _require(ok: bool, said: str) -> None:
    if not ok:
        raise InstallFailed(
            f"The packages could not be installed, so nothing was changed. uv says:\n{said.strip()}",
            output=said,
        )


def _remove(path: Path) -> None:
    """Remove what is there of an environment, its mark first and to disk, so that no half of one counts."""
    if (path / MARK).exists():
        (path / MARK).unlink()
        sync_folder(path)
    shutil.rmtree(path, ignore_errors=True)
