"""What one file says, as gathered by the readers of this package."""

from dataclasses import dataclass, field

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from trailmark.environments.model import parse_python, parse_requirement
from trailmark.errors import InvalidInput


@dataclass
class Found:
    """The packages, the Python and the remarks that one source gives."""

    source: str
    packages: list[Requirement] = field(default_factory=list)
    python: str | None = None
    notes: list[str] = field(default_factory=list)

    def note(self, remark: str) -> None:
        """Tell the person something about this source."""
        self.notes.append(f"{self.source}: {remark}")

    def want(self, text: str) -> None:
        """Take up a requirement, or note that it is none."""
        try:
            self.packages.append(parse_requirement(text.strip()))
        except InvalidInput:
            self.note(f"“{_short(text)}” is not a package that Trailmark understands; it is left out")

    def want_python(self, text: str) -> None:
        """Take up which Python is wanted, or note that this is none."""
        try:
            self.python = str(parse_python(text.strip())) or None
        except InvalidInput:
            self.note(f"“{_short(text)}” does not say which Python is wanted")

    def names(self) -> set[str]:
        """Return the normalised names of its packages."""
        return {canonicalize_name(one.name) for one in self.packages}


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:79] + "…"
