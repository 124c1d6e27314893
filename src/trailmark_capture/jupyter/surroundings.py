"""What following a kernel asks of the rest of capture."""

from collections.abc import Mapping
from typing import Any, Protocol

from trailmark_capture.jupyter.actions import Accesses


class Surroundings(Protocol):
    """What a follower asks of the rest of capture."""

    def facts(self) -> Mapping[str, Any]:
        """Return the fields that all entries of this kernel share."""

    def notebook(self, cell: str | None) -> str | None:
        """Return the path of the notebook that the kernel belongs to now."""

    def files(self, since: float, until: float) -> Accesses:
        """Return the files that the kernel and its children touched in a span of time."""

    def changed_between(self, since: float, until: float) -> Accesses:
        """Return the files written or deleted in a span of time by nobody's cell."""

    def left(self, since: float, until: float) -> Accesses:
        """Return the files that the kernel's threads and programs wrote, deleted or closed while no cell ran."""

    def forget_files(self, before: float) -> None:
        """Forget the files that were touched before a moment: nobody will ask for them again."""

    def save_expected(self, session: str) -> bool:
        """Return whether a client session saves the notebook after each cell that it runs."""
