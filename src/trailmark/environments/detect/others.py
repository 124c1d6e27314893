"""What one file asks of a package manager other than pip, as gathered by the readers of this package."""

from dataclasses import dataclass, field

from trailmark.environments.managers.model import Wanted


@dataclass
class FoundOther:
    """The requirements and remarks that one source gives for one manager, and the lock that it is, if it is one."""

    source: str
    manager: str
    requirements: list[str] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    snapshot: str | None = None
    runtime: str | None = None
    lock: str | None = None
    notes: list[str] = field(default_factory=list)

    def note(self, remark: str) -> None:
        """Tell the person something about this source."""
        self.notes.append(f"{self.source}: {remark}")

    def wanted(self) -> Wanted:
        """Return it as what is asked of the manager."""
        unique = tuple(dict.fromkeys(self.requirements))
        return Wanted(unique, tuple(self.channels), self.snapshot, self.runtime)
