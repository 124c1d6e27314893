"""Moving a project together with its state, whole or not at all as far as anyone can see.

What is to be moved is written down first; whoever comes after a crash moves the rest.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from trailmark.durable import sync_file_system, sync_folder, write_file
from trailmark.errors import AlreadyExists, Busy, Unavailable
from trailmark.projects.captured import everywhere
from trailmark.projects.project import Project
from trailmark.settings import Settings
from trailmark_capture import journal
from trailmark_capture.journal import new_id

Moves = Sequence[tuple[Path, Path]]
_PATIENCE_SECONDS = 20.0
_POLL_SECONDS = 0.2


def carry_out(settings: Settings, moves: Moves) -> None:
    """Move each source that exists to its target, the project last; `finish_moves` completes it after a crash.

    What is left of an earlier project in the way of state goes aside. Raises AlreadyExists when the project's
    own target is taken, and Unavailable when the file system refuses.
    """
    with _alone(settings) as folder:
        wanted = [(source, target) for source, target in moves if os.path.lexists(source)]
        for number, (source, target) in enumerate(wanted, start=1):
            if os.path.lexists(target) and not target.samefile(source):
                if number == len(wanted):
                    raise AlreadyExists(f"{target} was taken in the meantime. Nothing was changed.")
                target.rename(target.with_name(f".{target.name}.{new_id()}"))
        intention = folder / f"{new_id()}.json"
        write_file(intention, json.dumps([[str(source), str(target)] for source, target in wanted]).encode())
        _finish(intention)


def finish_moves(settings: Settings) -> None:
    """Complete moves that a crash cut short. Costs nothing when there are none."""
    if not any((settings.home / "moves").glob("*.json")):
        return
    with _alone(settings) as folder:
        for intention in sorted(folder.glob("*.json")):
            _finish(intention)


@contextmanager
def at_rest(project: Project) -> Iterator[None]:
    """Hold a project that nobody works in: no session, and no recorder. Raises Busy."""
    project.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    segments = [segment for place in everywhere(project.state) for segment in journal.segments(place.journal)]
    if any(not journal.is_abandoned(segment) for segment in segments):
        raise Busy(
            f"Somebody works in {project.name}: a session or a command is running. Nothing was changed. "
            "End it (`trailmark stop`) and try again."
        )
    fd = os.open(project.state / "recorder.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait_for(fd, project.name)
        with project.trail.lock:
            yield
    finally:
        os.close(fd)


def _wait_for(fd: int, name: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Busy(
                    f"Work in {name} is still being recorded. Nothing was changed. Try again in a moment."
                ) from None
            time.sleep(_POLL_SECONDS)


@contextmanager
def _alone(settings: Settings) -> Iterator[Path]:
    folder = settings.home / "moves"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(fd)


def _finish(intention: Path) -> None:
    try:
        for source, target in json.loads(intention.read_bytes()):
            _move(Path(source), Path(target))
    except OSError as error:
        raise Unavailable(
            f"The move could not be completed ({error}). Nothing is lost; mend that, and the next command "
            "completes it."
        ) from error
    intention.unlink()
    sync_folder(intention.parent)


def _move(source: Path, target: Path) -> None:
    """Move a file or folder; where both are there, neither is touched."""
    if not os.path.lexists(source) or (os.path.lexists(target) and not target.samefile(source)):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target)
        done = source.with_name(f".{source.name}.moved")
        _remove(done)
        source.rename(done)
        _remove(done)
    sync_folder(source.parent)
    sync_folder(target.parent)


def _copy(source: Path, target: Path) -> None:
    partial = target.with_name(f".{target.name}.part")
    _remove(partial)
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, partial, symlinks=True)
    else:
        shutil.copy2(source, partial, follow_symlinks=False)
    sync_file_system(partial.parent)
    partial.rename(target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
