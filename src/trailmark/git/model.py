"""Git's own nouns as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NewType

Oid = NewType("Oid", str)
"""A git object id: 40 hexadecimal digits."""

Mode = Literal[0o100644, 0o100755, 0o120000, 0o160000, 0o040000]
FILE: Mode = 0o100644
EXECUTABLE: Mode = 0o100755
LINK: Mode = 0o120000
SUBMODULE: Mode = 0o160000
FOLDER: Mode = 0o040000


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a tree: the object that holds its bytes, and its mode."""

    oid: Oid
    mode: int = FILE


@dataclass(frozen=True)
class Signature:
    """Who, and when (seconds since the epoch, UTC)."""

    name: str
    email: str
    time: float


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit's facts."""

    oid: Oid
    tree: Oid
    parents: tuple[Oid, ...]
    author: str
    time: int
    message: str


@dataclass(frozen=True)
class TreeChange:
    """One path that differs between two trees; `old` or `new` is None for added or deleted files."""

    path: str
    old: Entry | None
    new: Entry | None
