"""conda packages: solved by py-rattler against channels, which may be local folders; no conda is needed."""

from collections.abc import Collection, Iterable
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from trailmark.environments.managers.conda_lock import FILE_NAME, channels_of, parse_lock, render_lock
from trailmark.environments.managers.edit import behind
from trailmark.environments.managers.model import (
    ManagerLock,
    Step,
    Wanted,
    complete_among,
    go_on,
    require_short,
)
from trailmark.environments.managers.protocol import NOTHING
from trailmark.progress import NullProgress, Progress

if TYPE_CHECKING:
    from trailmark.environments.managers.rattle import Channels

CHANNELS = ("conda-forge",)
PREFIX = "/opt/conda"


class Conda:
    """Resolves for one platform (None: that of containers here); what it reads of channels is kept in `cache`.

    Where a request names a Python (its `runtime`, such as 3.12), conda's own Python is of that version if anything
    needs one: what conda installs can be imported by the Python of the environment then.
    """

    name = "conda"
    file_name = FILE_NAME

    def __init__(
        self, cache: Path, platform: str | None = None, *, channels: Collection[str] = CHANNELS
    ) -> None:
        self._cache = cache
        self._platform = platform
        self._channels = tuple(channels)

    @property
    def platform(self) -> str:
        """conda's name for where the packages are to run, such as linux-64."""
        return self._platform or str(_rattle().container_platform())

    def check(self, requirement: str) -> str:
        """Return the requirement as conda writes it. Raises InvalidInput."""
        return str(_rattle().read_spec(require_short(requirement)))

    def name_of(self, requirement: str) -> str:
        """Return the name of the package that a requirement asks for. Raises InvalidInput."""
        return str(_rattle().read_spec(require_short(requirement)).name.normalized)

    def meets(self, requirement: str, version: str | None) -> bool:
        """Whether that version of the package, whatever its build, is what is asked for."""
        rattle = _rattle()
        spec = rattle.read_spec(require_short(requirement))
        return version is not None and bool(rattle.is_version_of(spec, version))

    def exactly(self, requirement: str, version: str) -> str:
        """Return what asks for just that version of a package, from the same channel. Raises InvalidInput."""
        channel, separator, _ = requirement.strip().rpartition("::")
        return f"{channel}{separator}{self.name_of(requirement)}=={version}"

    def parse(self, text: str) -> ManagerLock:
        """Read a conda-lock.yml. Raises Damaged that says where it is wrong."""
        return parse_lock(text, self.platform)

    def solve(
        self,
        wanted: Wanted,
        keep: ManagerLock | None = None,
        *,
        move: Collection[str] = (),
        progress: Progress | None = None,
    ) -> ManagerLock:
        """Return a lock for all that is wanted together; packages of `keep` stay where they can.

        Raises SolveFailed with the solver's own words, InvalidInput, Unavailable or Cancelled.
        """
        progress = progress or NullProgress()
        rattle = _rattle()
        texts = [require_short(one) for one in wanted.requirements]
        specs = [rattle.read_spec(one) for one in texts]
        channels = self._open(wanted)
        progress.step("Reading the conda channels")
        go_on(progress)
        there = {item.source for item in (keep.items if keep else ()) if item.name not in move}
        names = [item.name for item in (keep.items if keep else ()) if item.source in there]
        kept = [one for found in channels.versions(names).values() for one in found if one.url in there]
        progress.step("Finding conda packages that fit together")
        python = [rattle.read_spec(f"python={wanted.runtime}")] if wanted.runtime else []
        packages = channels.solve(specs, kept, progress, constraints=python)
        text = render_lock(
            packages,
            requirements=[str(spec) for spec in specs],
            channels=channels.addresses,
            platform=self.platform,
        )
        return self.parse(text)

    def search(self, prefix: str, limit: int = 20, wanted: Wanted = NOTHING) -> list[str]:
        """Return names that begin with `prefix`, then others that hold it, of the channels of `wanted`."""
        return complete_among(self._open(wanted).names(), prefix, limit)

    def newest(self, names: Iterable[str], wanted: Wanted = NOTHING) -> dict[str, str | None]:
        """Return the newest version of each name; None for a name that no channel has."""
        asked = {one: self.name_of(one) for one in names}
        found = self._open(wanted).versions(sorted(set(asked.values())))
        newest = {name: str(max(record.version for record in records)) for name, records in found.items()}
        return {one: newest.get(name) for one, name in asked.items()}

    def versions(self, name: str, limit: int = 20, wanted: Wanted = NOTHING) -> list[str]:
        """Return the versions of a package in the channels of `wanted`, the newest first."""
        plain = self.name_of(name)
        records = self._open(wanted).versions([plain]).get(plain, ())
        found = sorted({record.version for record in records}, reverse=True)
        return list(dict.fromkeys(map(str, found)))[:limit]

    def is_newer(self, version: str, than: str) -> bool:
        """Whether conda puts `version` after `than`."""
        return bool(_rattle().is_newer(version, than))

    def outdated(self, lock: ManagerLock) -> dict[str, str]:
        """Return the newest version of each package of the lock that is behind it in the lock's channels."""
        newest = self.newest([item.name for item in lock.items], Wanted(channels=channels_of(lock)))
        return behind(self, lock.items, newest)

    def install_steps(self, lock: ManagerLock) -> tuple[Step, ...]:
        """Return one step that installs the lock into /opt/conda, by py-rattler in an environment of its own."""
        from importlib.metadata import version as installed_version

        program = resources.files(__package__).joinpath("conda_install.py").read_text(encoding="utf-8")
        rattler = f"py-rattler=={installed_version('py-rattler')}"
        return (
            Step(
                self.name,
                (
                    "export UV_CACHE_DIR=/var/cache/uv RATTLER_CACHE_DIR=/var/cache/rattler UV_LINK_MODE=copy",
                    f"uv run --no-project --no-config --isolated --python '>=3.10' --with {rattler} "
                    f"python conda_install.py {FILE_NAME} {PREFIX} {self.platform}",
                ),
                {FILE_NAME: lock.text, "conda_install.py": program},
                caches=("/var/cache/uv", "/var/cache/rattler"),
                needs=("uv",),
            ),
        )

    def _open(self, wanted: Wanted) -> "Channels":
        found: Channels = _rattle().Channels(wanted.channels or self._channels, self.platform, self._cache)
        return found


def _rattle() -> ModuleType:
    """Load py-rattler when it is needed: it takes a tenth of a second."""
    from trailmark.environments.managers import rattle

    return rattle
