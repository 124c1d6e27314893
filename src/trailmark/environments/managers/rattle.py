"""What py-rattler does for us, in our words: read channels and solve. Loaded only when conda is used."""

import asyncio
import re
from collections.abc import Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import rattler
from rattler.exceptions import (
    FetchRepoDataError,
    GatewayError,
    InvalidChannelError,
    InvalidMatchSpecError,
    InvalidPackageNameError,
    InvalidUrlError,
    InvalidVersionError,
    InvalidVersionSpecError,
    IoError,
    SolverError,
)

from trailmark.environments.address import require_no_secret, split_address
from trailmark.environments.managers.conda_lock import Package
from trailmark.environments.managers.model import SolveFailed
from trailmark.errors import Cancelled, InvalidInput, Unavailable
from trailmark.progress import Progress

# What every machine or image of the last years has. The real ones would make the lock depend on where it is made.
_SYSTEMS = {
    "linux": {"__unix": "0", "__linux": "4.18", "__glibc": "2.28"},
    "osx": {"__unix": "0", "__osx": "13.0"},
    "win": {"__win": "10"},
}
_NAME_FIRST = re.compile(r"(?:[\w./-]+::)?[A-Za-z0-9_][\w.-]*(?:[ =<>!~\[][^:]*)?", re.ASCII)
_POLL_SECONDS = 0.05
_PAUSE_SECONDS = 0.01

# What conda calls a processor differs between macOS and Linux.
_LINUX_NAMES = {"arm64": "aarch64"}
T = TypeVar("T")


def container_platform() -> str:
    """Return conda's name for Linux on this machine's processor, such as linux-64: what runs in containers here."""
    processor = str(rattler.Subdir.current()).partition("-")[2]
    return f"linux-{_LINUX_NAMES.get(processor, processor)}"


def read_spec(requirement: str) -> rattler.MatchSpec:
    """Read what conda calls a match specification. Raises InvalidInput."""
    reason = "a package's name comes first"
    try:
        if _NAME_FIRST.fullmatch(requirement) and "url=" not in requirement:
            return rattler.MatchSpec(requirement)
    except (InvalidMatchSpecError, InvalidVersionSpecError, InvalidVersionError, ValueError) as error:
        reason = (str(error).splitlines() or ["it cannot be read"])[0]
    raise InvalidInput(
        f"“{requirement}” is not a package that can be asked for: {reason}. Write it like “gdal” or “gdal>=3.8”."
    )


def read_channel(text: str) -> rattler.Channel:
    """Read a channel: a name, an address or an absolute folder. Raises InvalidInput."""
    parts = split_address(text)
    if parts is None or not text.strip() or text.startswith((".", "~", "-")):
        raise InvalidInput(
            f"“{text[:60]!s}” is no channel. Name one, like “conda-forge”, an address or a folder."
        )
    require_no_secret(text, "a channel")
    if "/t/" in parts.path:
        raise InvalidInput(
            "The address of a channel holds a password or a token, and it would be written into the lock. "
            "Name the channel without it."
        )
    try:
        return rattler.Channel(text)
    except (InvalidChannelError, InvalidUrlError, ValueError) as error:
        raise InvalidInput(f"“{text[:60]}” is no channel ({error}).") from error


def is_version_of(spec: rattler.MatchSpec, version: str) -> bool:
    """Whether the version, whatever its build, is one that `spec` asks for."""
    try:
        return spec.version is None or rattler.VersionSpec(spec.version).matches(rattler.Version(version))
    except (InvalidVersionError, InvalidVersionSpecError, ValueError):
        return False


def is_newer(version: str, than: str) -> bool:
    """Whether conda puts `version` after `than`."""
    try:
        return bool(rattler.Version(version) > rattler.Version(than))
    except (InvalidVersionError, ValueError):
        return False


class Channels:
    """Some channels as they are now, for one platform."""

    def __init__(self, channels: Sequence[str], platform: str, cache: Path) -> None:
        self.channels = [read_channel(one) for one in channels]
        self.platform = platform
        self._subdirs: list[Any] = [platform, "noarch"]
        cache.mkdir(parents=True, exist_ok=True)
        self._gateway = rattler.Gateway(cache_dir=cache)

    @property
    def addresses(self) -> list[str]:
        """Where the channels are."""
        return [channel.base_url for channel in self.channels]

    def names(self) -> list[str]:
        """Return the names of all packages. Raises Unavailable."""
        found = _finish(self._gateway.names(self.channels, self._subdirs))
        return [name.normalized for name in found]

    def versions(self, names: Iterable[str]) -> dict[str, list[rattler.RepoDataRecord]]:
        """Return all packages of each name, those of the strongest channel that has any. Raises Unavailable."""
        specs = [read_spec(name) for name in names]
        if not specs:
            return {}
        found: dict[str, list[rattler.RepoDataRecord]] = {}
        for records in _finish(self._gateway.query(self.channels, self._subdirs, specs, recursive=False)):
            here: dict[str, list[rattler.RepoDataRecord]] = {}
            for record in records:
                here.setdefault(record.name.normalized, []).append(record)
            found = {**here, **found}
        return found

    def solve(
        self,
        specs: Sequence[rattler.MatchSpec],
        kept: Sequence[rattler.RepoDataRecord],
        progress: Progress,
        *,
        constraints: Sequence[rattler.MatchSpec] = (),
    ) -> list[Package]:
        """Return the packages that answer `specs` together, each as `constraints` want it where they name it.

        Raises SolveFailed, Unavailable or Cancelled.
        """
        system = _SYSTEMS.get(self.platform.split("-")[0], {})
        solved = rattler.solve(
            self.channels,
            # In one order, for the solver prefers what it is told first.
            sorted(specs, key=str),
            gateway=self._gateway,
            platforms=self._subdirs,
            locked_packages=kept,
            constraints=constraints,
            virtual_packages=[
                rattler.GenericVirtualPackage(
                    rattler.PackageName(name), rattler.Version(version), rattler.BuildString("0")
                )
                for name, version in system.items()
            ],
        )
        try:
            records = _finish(solved, progress)
        except SolverError as error:
            said = str(error).strip()
            raise SolveFailed(
                f"The conda packages could not be resolved, so nothing was changed. The solver says:\n{said}",
                output=said,
            ) from error
        return [_package(record) for record in records]


def _package(record: rattler.RepoDataRecord) -> Package:
    hashes = {"sha256": record.sha256, "md5": record.md5}
    return Package(
        record.name.normalized,
        str(record.version),
        record.url,
        {kind: value.hex() for kind, value in hashes.items() if value},
        tuple(record.depends),
    )


def _finish(work: Coroutine[Any, Any, T], progress: Progress | None = None) -> T:
    """Wait for rattler, and let go of it when it is no longer wanted."""

    async def wait() -> T:
        task = asyncio.ensure_future(work)
        while not task.done():
            if progress is not None and progress.cancelled:
                task.cancel()
                raise Cancelled("Stopped working on the conda packages, as asked; nothing was changed.")
            await asyncio.wait([task], timeout=_POLL_SECONDS)
        # py-rattler's thread lets go of Python a moment later; a program that ends before that can crash.
        await asyncio.sleep(_PAUSE_SECONDS)
        return task.result()

    try:
        return asyncio.run(wait())
    except (GatewayError, FetchRepoDataError, IoError, InvalidPackageNameError, OSError) as error:
        raise Unavailable(
            f"A conda channel could not be read, so nothing was changed. py-rattler says:\n{error}"
        ) from error
