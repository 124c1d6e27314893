"""What is asked for and what was resolved, over all managers: pure values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trailmark.environments.bases.model import Base
from trailmark.environments.bases.render import content_digest
from trailmark.environments.managers.model import Wanted, digest_of
from trailmark.environments.model import EnvironmentRequest, Lock, LockedPackage
from trailmark.environments.snippets import Snippet
from trailmark.environments.whole.asked import Asked

OTHERS = ("conda", "apt", "r")
LOCK_FILES: Mapping[str, str] = {
    "pip": "pylock.toml",
    "conda": "conda-lock.yml",
    "apt": "apt.toml",
    "r": "renv.lock",
}


@dataclass(frozen=True)
class WholeRequest:
    """All that a project asks for: Python's packages, those of other managers, a base, snippets of its own.

    Managers of which nothing is said are left out of `others`.
    """

    pip: EnvironmentRequest = field(default_factory=EnvironmentRequest)
    others: Mapping[str, Wanted] = field(default_factory=dict, hash=False)
    base: Base | None = None
    snippets: tuple[Snippet, ...] = ()

    @property
    def all_snippets(self) -> tuple[Snippet, ...]:
        """Those of the base, too, in the order of their names."""
        return _with_those_of(self.base, self.snippets)


@dataclass(frozen=True)
class LockFile:
    """What one manager other than pip resolved, as it lies in the project."""

    manager: str
    text: str

    @property
    def path(self) -> str:
        """Where it lies in the project."""
        return f"environment/{LOCK_FILES[self.manager]}"

    @property
    def digest(self) -> str:
        """The SHA-256 of its text, whichever line ends git checked it out with."""
        text = self.text.replace("\r\n", "\n")
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class WholeLock:
    """All that was resolved. `python` is what was asked for of Python when it was.

    `asked` is all that was asked for then, None where nobody wrote it down; the digest does not cover it.
    """

    pip: Lock
    python: str
    others: Mapping[str, LockFile] = field(default_factory=dict, hash=False)
    base: Base | None = None
    snippets: tuple[Snippet, ...] = ()
    asked: Asked | None = field(default=None, compare=False)

    @property
    def all_snippets(self) -> tuple[Snippet, ...]:
        """Those of the base, too, in the order of their names."""
        return _with_those_of(self.base, self.snippets)

    @property
    def digest(self) -> str:
        """One digest over everything; that of `pylock.toml` alone when there is nothing else."""
        parts = self.parts()
        return self.pip.digest if parts.keys() == {"python", "pip"} else digest_of(parts)

    @property
    def packages(self) -> tuple[LockedPackage, ...]:
        """The packages of Python."""
        return self.pip.packages

    def parts(self) -> dict[str, Any]:
        """Return the digest of each part; parts that there are not are left out."""
        parts: dict[str, Any] = {"python": self.python, "pip": self.pip.digest}
        parts |= {name: file.digest for name, file in self.others.items()}
        if self.base is not None:
            parts["base"] = content_digest(self.base)
        if self.all_snippets:
            parts["snippets"] = [[snippet.name, snippet.digest] for snippet in self.all_snippets]
        return parts


def _with_those_of(base: Base | None, own: tuple[Snippet, ...]) -> tuple[Snippet, ...]:
    """Return a project's snippets with those of its base; one of the project's own stands in for one of that name."""
    brought = {one.name: one for one in base.snippets} if base else {}
    found = brought | {one.name: one for one in own}
    return tuple(found[name] for name in sorted(found))
