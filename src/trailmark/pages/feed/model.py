"""What the feed's templates show: frozen values, every word and address already chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

Tone = Literal["plain", "bad", "warn", "faint", "strong", "sticky"]
Role = Literal["read", "write", "deleted"]


@dataclass(frozen=True)
class FileChip:
    """A file that a step read, wrote or deleted. `note` says what is special about it."""

    role: Role
    name: str
    path: str
    href: str | None
    note: str | None = None


@dataclass(frozen=True)
class Thumb:
    """A figure of a step."""

    src: str
    alt: str


@dataclass(frozen=True)
class Source:
    """Where a step's code stands: a file, and the cell's number in it."""

    path: str
    name: str
    href: str
    number: int | None = None


@dataclass(frozen=True)
class Who:
    """Who did it, where it is worth saying: a program, or another person."""

    name: str
    program: bool = False


@dataclass(frozen=True)
class Excerpt:
    """The beginning of a text, and how many lines follow."""

    body: Markup
    more: int = 0


@dataclass(frozen=True)
class Step:
    """One record in the feed. `headline` is None when the code speaks for itself.

    `quiet` says that a reader may pass over it; quiet steps of the same `place` are folded into one line.
    """

    id: str
    kind: str
    icon: str
    kind_label: str
    tone: Tone
    href: str
    title: str
    headline: str | None
    prompt: bool
    status: str
    at: float
    seconds: float
    tool: str | None
    source: Source | None
    who: Who | None
    code: Excerpt | None
    text: Excerpt | None
    error: str | None
    problem: str | None
    note: Markup | None
    notes: int
    about: str | None
    continues: str | None
    thumbs: tuple[Thumb, ...]
    more_thumbs: int
    extras: tuple[str, ...]
    files: tuple[FileChip, ...]
    more_files: int
    quiet: bool
    place: str


@dataclass(frozen=True)
class Fold:
    """A run of quiet steps, shown as one line until it is opened."""

    id: str
    steps: tuple[Step, ...]
    source: Source | None
    gist: tuple[str, ...]


@dataclass(frozen=True)
class Day:
    """The steps of one calendar day, newest first. `continued` says that a page before began it."""

    key: str
    name: str
    date: str
    items: tuple[Step | Fold, ...]
    continued: bool = False


@dataclass(frozen=True)
class Feed:
    """One page of the trail. `older` is the address of the next one, None where the trail begins.

    `reading` says that what is older is still being read in: `older` is then asked for until it is there.
    """

    days: tuple[Day, ...]
    older: str | None
    newer: str | None
    newest: str | None
    filtered: bool
    older_plain: str | None = None
    reading: bool = False
