"""The protocol that every package manager speaks here."""

from collections.abc import Collection, Iterable
from typing import Protocol

from trailmark.environments.managers.model import ManagerLock, Step, Wanted
from trailmark.progress import Progress

NOTHING = Wanted()


class PackageManager(Protocol):
    """Resolves what is asked for into a lock, and helps a person to ask. It changes nothing by itself."""

    @property
    def name(self) -> str:
        """How people and manifests call it: pip, conda, apt, r."""

    @property
    def file_name(self) -> str:
        """The name of its lock under environment/."""

    def check(self, requirement: str) -> str:
        """Return the requirement in its normal form. Raises InvalidInput that says how to write it."""

    def name_of(self, requirement: str) -> str:
        """Return the name of the package that a requirement asks for. Raises InvalidInput."""

    def meets(self, requirement: str, version: str | None) -> bool:
        """Whether that version of the package (None: one without a version) is what is asked for."""

    def exactly(self, requirement: str, version: str) -> str:
        """Return what asks for just that version of a requirement's package. Raises InvalidInput."""

    def parse(self, text: str) -> ManagerLock:
        """Read a lock. Raises Damaged that says where it is wrong."""

    def solve(
        self,
        wanted: Wanted,
        keep: ManagerLock | None = None,
        *,
        move: Collection[str] = (),
        progress: Progress | None = None,
    ) -> ManagerLock:
        """Return a lock for all that is wanted together; the same indexes give the same text.

        Packages of `keep` stay at their versions unless the request makes them move or they are named in `move`.
        Raises SolveFailed with the solver's own words, InvalidInput, Unavailable or Cancelled.
        """

    def search(self, prefix: str, limit: int = 20, wanted: Wanted = NOTHING) -> list[str]:
        """Return names that begin with `prefix`, then others that hold it, of where `wanted` looks."""

    def newest(self, names: Iterable[str], wanted: Wanted = NOTHING) -> dict[str, str | None]:
        """Return the newest version of each name; None where it cannot be told."""

    def versions(self, name: str, limit: int = 20, wanted: Wanted = NOTHING) -> list[str]:
        """Return the versions of a package that can be had where `wanted` looks, the newest first."""

    def is_newer(self, version: str, than: str) -> bool:
        """Whether the manager puts `version` after `than`; a text that is no version comes after none."""

    def outdated(self, lock: ManagerLock) -> dict[str, str]:
        """Return the newest version of each package of the lock that is behind it."""

    def install_steps(self, lock: ManagerLock) -> tuple[Step, ...]:
        """Return what installs exactly the lock in an image; the same lock gives the same steps."""
