"""A repository of ours, opened so that actions can be recorded in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from trailmark.activity.lock import ProjectLock
from trailmark.git import Oid, Repository
from trailmark.settings import Person

RECORDS = "refs/trailmark/records/"


@dataclass
class Trail:
    """The trail of one repository as this device writes it.

    `settled` remembers the newest entry whose branch is known to be up to date, so that the check costs
    nothing while one process does all the writing.
    """

    repository: Repository
    lock: ProjectLock
    device: str
    person: Person
    settled: Oid | None = field(default=None)

    @property
    def ref(self) -> str:
        """The ref that this device appends its records to."""
        return RECORDS + self.device
