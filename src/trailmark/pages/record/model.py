"""What the page of a record shows."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from trailmark.pages.feed.model import Role, Source
from trailmark.pages.record.outputs import Shown


@dataclass(frozen=True)
class CodeBlock:
    """The code that ran, highlighted."""

    html: Markup
    language: str


@dataclass(frozen=True)
class Failure:
    """How it failed: the line that says so, and the way there."""

    summary: str
    traceback: Markup
    lines: int


@dataclass(frozen=True)
class FileLine:
    """A file that the action touched, as it was then. An address that is None leads nowhere."""

    role: Role
    path: str
    href: str | None
    raw: str | None
    bytes: int | None
    digest: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Fact:
    """One line of what is known. `code` says that it is for machines; `copy` that it is worth copying."""

    label: str
    value: str
    href: str | None = None
    code: bool = False
    copy: str | None = None


@dataclass(frozen=True)
class NoteLine:
    """A note that somebody wrote about the record."""

    html: Markup
    author: str
    at: float
    program: bool
    href: str


@dataclass(frozen=True)
class Link:
    """Another record, in words."""

    title: str
    href: str


@dataclass(frozen=True)
class Action:
    """Something that can be done from here: where it is sent, and what it will and will not do."""

    address: str
    label: str
    explains: tuple[str, ...]


@dataclass(frozen=True)
class Typed:
    """What stands in a form's field, and why it was refused; None before it was sent."""

    text: str = ""
    error: str | None = None


EMPTY = Typed()


@dataclass(frozen=True)
class RecordPage:
    """Everything on the page."""

    id: str
    kind: str
    icon: str
    kind_label: str
    title: str
    headline: str
    status: str
    at: float
    seconds: float
    author: str
    program: str | None
    source: Source | None
    prompt: bool
    code: CodeBlock | None
    shown: tuple[Shown, ...]
    failure: Failure | None
    note: Markup | None
    files: tuple[FileLine, ...]
    facts: tuple[Fact, ...]
    notes: tuple[NoteLine, ...]
    continues: Link | None
    continued_by: tuple[Link, ...]
    newer: Link | None
    older: Link | None
    feed: str
    note_address: str
    rollback: Action | None
    branch: Action
    files_then: str
    downloads: str | None
    new_note: Typed = EMPTY
    new_branch: Typed = EMPTY
