"""Which folder holds a project's state: the project names it, so that both stay together wherever it is moved.

The name lies in `.git/trailmark`, which no clone and no export takes along; the folder says in turn where its project
was last seen. A copy that was made with plain `cp` names the folder of its original, and gets one of its own.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from trailmark.durable import write_file
from trailmark.settings import Settings
from trailmark_capture.journal import new_id

_NAME_FILE = "trailmark/state"
_OWNER_FILE = "owner.json"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,200}")


@dataclass(frozen=True)
class _Owner:
    """The project that a state belongs to: where it was last seen, and which folder `.git` was then."""

    path: str
    git: tuple[int, int]


def state_for(path: Path, git_folder: Path, settings: Settings) -> Path:
    """Return the folder for the state of the project at `path`; both note which is whose."""
    seen = _Owner(str(path), _identity(git_folder))
    name = named_state(git_folder)
    if name is not None:
        state = settings.home / "state" / name
        owner = _owner_of(state)
        if owner == seen:
            return state
        if owner is None or owner.path == str(path) or not _is_named_by(Path(owner.path), name):
            _note(state, seen)
            return state
    state = settings.state_of(path)
    if _owner_of(state) not in (None, seen):
        state = state.with_name(f"{state.name}-{new_id()[-6:].lower()}")
    with contextlib.suppress(OSError):
        folder = git_folder / Path(_NAME_FILE).parent
        folder.mkdir(exist_ok=True, mode=0o700)
        _note(state, seen)
        write_file(git_folder / _NAME_FILE, f"{state.name}\n".encode())
    return state


def named_state(git_folder: Path) -> str | None:
    """Return the name of the folder of state that a repository names, None when it names none."""
    try:
        name = (git_folder / _NAME_FILE).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return name if _NAME.fullmatch(name) else None


def place_of(state: Path) -> Path | None:
    """Return where the project that a state belongs to was last seen, None when nobody has noted it."""
    owner = _owner_of(state)
    return None if owner is None else Path(owner.path)


def _is_named_by(path: Path, name: str) -> bool:
    return named_state(path / ".git") == name


def _identity(git_folder: Path) -> tuple[int, int]:
    status = git_folder.stat()
    return (status.st_dev, status.st_ino)


def _owner_of(state: Path) -> _Owner | None:
    try:
        value = json.loads((state / _OWNER_FILE).read_bytes())
        return _Owner(str(value["path"]), (int(value["git"][0]), int(value["git"][1])))
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _note(state: Path, owner: _Owner) -> None:
    with contextlib.suppress(OSError):
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_file(state / _OWNER_FILE, json.dumps({"path": owner.path, "git": owner.git}).encode())
