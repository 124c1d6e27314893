"""System packages: resolved by apt-get in the package state of a base, or of this machine."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from fnmatch import fnmatchcase
from pathlib import Path

from trailmark.environments.address import require_no_secret
from trailmark.environments.managers.apt_lock import (
    FILE_NAME,
    AptLock,
    Package,
    is_source,
    parse_lock,
    read_lock,
    render_lock,
)
from trailmark.environments.managers.apt_system import AptRun, AptSystem, open_apt
from trailmark.environments.managers.debian import (
    VERSION,
    Simulated,
    compare,
    read_requirement,
    read_simulation,
    read_unmet,
    reason_of,
)
from trailmark.environments.managers.edit import behind
from trailmark.environments.managers.model import (
    ManagerLock,
    SolveFailed,
    Step,
    Wanted,
    complete_among,
    go_on,
)
from trailmark.environments.managers.protocol import NOTHING
from trailmark.errors import InvalidInput
from trailmark.progress import NullProgress, Progress

_MOST_TRIES = 12


class Apt:
    """Resolves against `system`; what it reads of other sources is kept in `cache`.

    Where a request names a base's image (its `runtime`), `system_of` gives that base's package state.
    """

    name = "apt"
    file_name = FILE_NAME

    def __init__(
        self,
        cache: Path,
        system: AptSystem | None = None,
        *,
        system_of: Callable[[str, Progress], AptSystem] | None = None,
    ) -> None:
        self._cache = cache
        self._system = system or AptSystem()
        self._system_of = system_of

    def check(self, requirement: str) -> str:
        """Return the requirement without needless blanks. Raises InvalidInput."""
        name, version = read_requirement(requirement)
        return f"{name}={version}" if version else name

    def name_of(self, requirement: str) -> str:
        """Return the name of the package that a requirement asks for. Raises InvalidInput."""
        return read_requirement(requirement)[0]

    def meets(self, requirement: str, version: str | None) -> bool:
        """Whether that version of the package is what is asked for."""
        wanted = read_requirement(requirement)[1]
        return version is not None and (wanted is None or fnmatchcase(version, wanted))

    def exactly(self, requirement: str, version: str) -> str:
        """Return what asks for just that version of a package. Raises InvalidInput."""
        return f"{self.name_of(requirement)}={version}"

    def parse(self, text: str) -> ManagerLock:
        """Read an apt.toml. Raises Damaged that says where it is wrong."""
        return parse_lock(text)

    def solve(
        self,
        wanted: Wanted,
        keep: ManagerLock | None = None,
        *,
        move: Collection[str] = (),
        progress: Progress | None = None,
    ) -> ManagerLock:
        """Return a lock for all that is wanted together; packages of `keep` stay where they can.

        Raises SolveFailed with apt's own words, InvalidInput, Unavailable or Cancelled.
        """
        progress = progress or NullProgress()
        requirements = [self.check(one) for one in wanted.requirements]
        sources = _sources(wanted)
        go_on(progress)
        kept = {
            one.name: one.version
            for one in (keep.items if keep else ())
            if one.version and one.name not in move
        }
        with self._open(wanted, progress) as apt:
            progress.step("Finding system packages that fit together")
            simulated = _simulate(apt, requirements, kept, progress)
            packages = _packages(apt, requirements, simulated)
            lock = AptLock(apt.architecture, packages, sources, wanted.snapshot, self._base(wanted))
        return self.parse(render_lock(lock))

    def search(self, prefix: str, limit: int = 20, wanted: Wanted = NOTHING) -> list[str]:
        """Return names that begin with `prefix`, then others that hold it, of the index of `wanted`."""
        with self._open(wanted) as apt:
            return complete_among(apt.ask("pkgnames").split(), prefix, limit)

    def newest(self, names: Iterable[str], wanted: Wanted = NOTHING) -> dict[str, str | None]:
        """Return the version that apt would take of each name now; None for a name that it does not know."""
        asked = {one: self.name_of(one) for one in names}
        with self._open(wanted) as apt:
            found = apt.candidates(sorted(set(asked.values())))
        return {one: found.get(name) for one, name in asked.items()}

    def versions(self, name: str, limit: int = 20, wanted: Wanted = NOTHING) -> list[str]:
        """Return the versions of a package in the index of `wanted`, the newest first."""
        plain = self.name_of(name)
        with self._open(wanted) as apt:
            return apt.versions(plain)[:limit]

    def is_newer(self, version: str, than: str) -> bool:
        """Whether Debian puts `version` after `than`."""
        return all(map(VERSION.fullmatch, (version, than))) and compare(version, than) > 0

    def outdated(self, lock: ManagerLock) -> dict[str, str]:
        """Return the newest version of each package of the lock that is behind it, where the lock looked."""
        read = read_lock(lock.text)
        with self._open_at(read.base, read.sources, lasting=read.snapshot is not None) as apt:
            newest = apt.candidates([item.name for item in lock.items])
        return behind(self, lock.items, newest)

    def install_steps(self, lock: ManagerLock) -> tuple[Step, ...]:
        """Return one step that fetches the lock's packages, compares their hashes and installs them."""
        read = read_lock(lock.text)
        new = [one for one in read.packages if one.sha256]
        if not new:
            return ()
        files = {
            "apt.packages": "".join(
                f"{one.name}:{one.architecture}={one.version}\n".replace(":all=", "=") for one in new
            ),
            "apt.sha256": "".join(f"{one.sha256}  {one.file}\n" for one in new),
        }
        options = "-o Dir::Cache::archives=/var/cache/trailmark-apt -o APT::Sandbox::User=root"
        if read.sources:
            # What is copied lies where its hash is compared; a plain folder's packages would be read from there.
            files["apt.list"] = "".join(f"{line}\n" for line in read.sources).replace(" file:/", " copy:/")
            options += ' -o Dir::Etc::sourcelist="$PWD/apt.list" -o Dir::Etc::sourceparts=/dev/null'
            options += " -o Acquire::Check-Valid-Until=false"
        get = f"DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends --allow-downgrades {options}"
        run = (
            "mkdir -p /var/cache/trailmark-apt/partial",
            f"{get} update",
            f"{get} --download-only install $(cat apt.packages)",
            'checks="$PWD/apt.sha256"; (cd /var/cache/trailmark-apt && sha256sum --quiet -c "$checks")',
            f"{get} install $(cat apt.packages)",
            "rm -rf /var/lib/apt/lists/*",
        )
        return (Step(self.name, run, files, caches=("/var/cache/trailmark-apt",)),)

    def _base(self, wanted: Wanted) -> str | None:
        return wanted.runtime if self._system_of else None

    def _open(self, wanted: Wanted, progress: Progress | None = None) -> AbstractContextManager[AptRun]:
        lasting = wanted.snapshot is not None
        return self._open_at(wanted.runtime, _sources(wanted), lasting=lasting, progress=progress)

    def _open_at(
        self, base: str | None, sources: Sequence[str], *, lasting: bool, progress: Progress | None = None
    ) -> AbstractContextManager[AptRun]:
        told = progress or NullProgress()
        system = self._system_of(base, told) if base and self._system_of else self._system
        return open_apt(system, self._cache, sources=sources, lasting=lasting, progress=told)


def _sources(wanted: Wanted) -> tuple[str, ...]:
    """Return the lines to take packages from, with the snapshot's day where they have a place for it."""
    if wanted.snapshot and not any("{snapshot}" in line for line in wanted.channels):
        raise InvalidInput(
            f"The system packages of {wanted.snapshot} are wanted, and no source of dated packages is named. Name "
            "one with {snapshot} in the place of the day, or ask for no day."
        )
    day = (wanted.snapshot or "").replace("-", "") + "T000000Z"
    for word in (word for line in wanted.channels for word in line.split()):
        require_no_secret(word, "a source of system packages")
    if not all(is_source(line) for line in wanted.channels):
        raise InvalidInput(
            "A source of system packages is one line, like “deb [trusted=yes] file:/folder ./”."
        )
    return tuple(line.replace("{snapshot}", day) for line in wanted.channels)


def _simulate(apt: AptRun, requirements: list[str], kept: dict[str, str], progress: Progress) -> Simulated:
    """Return what apt would install. It tries the newest versions only, so it is helped to older ones that fit."""
    pins, also, tried = dict(kept), list[str](), set[tuple[str, str | None]]()
    reasons: dict[str, None] = {}
    for _ in range(_MOST_TRIES):
        apt.pin(pins)
        said = apt.follow(
            "--simulate", "--no-remove", "install", "--", *requirements, *also, progress=progress
        )
        if said.ok:
            return read_simulation(said.stdout)
        reasons[reason_of(said.stdout)] = None
        name, version = next(_helps(apt, said.stdout, tried), (None, None))
        if name is None:
            break
        tried.add((name, version))
        if version is None:
            also.append(name)
        else:
            pins[name] = version
    if kept:
        progress.log("Trying again with more freedom to choose versions.")
        return _simulate(apt, requirements, {}, progress)
    text = "\n".join(reasons)
    raise SolveFailed(
        f"The system packages could not be resolved, so nothing was changed. apt says:\n{text}", output=text
    )


def _helps(
    apt: AptRun, said: str, tried: Collection[tuple[str, str | None]]
) -> Iterator[tuple[str, str | None]]:
    """Yield what may help apt: a version that it did not try, or a package to ask for so that it explains more."""
    for unmet in read_unmet(said):
        versions = [one for one in apt.versions(unmet.name) if unmet.allows(one)] if unmet.wanted else [None]
        yield from ((unmet.name, one) for one in versions if (unmet.name, one) not in tried)


def _packages(apt: AptRun, requirements: Iterable[str], simulated: Simulated) -> tuple[Package, ...]:
    """Return what the lock is to name: all that is new, and what was asked for and is in the base."""
    names = {read_requirement(one)[0] for one in requirements}
    there = {name: version for name, version in simulated.there.items() if name in names}
    missing = sorted(names - there.keys() - {name for name, _ in simulated.install})
    if missing:
        raise SolveFailed(
            f"{missing[0]} is no package of its own, so nothing was changed: others give it. Ask for one of them."
        )
    asked = (
        f"{name}={version}" if architecture == "all" else f"{name}:{architecture}={version}"
        for (name, architecture), version in simulated.install.items()
    )
    hashes = {
        (one.get("Package"), one.get("Version")): one.get("SHA256", "").lower()
        for one in apt.facts(sorted(asked))
    }
    for (name, _), version in simulated.install.items():
        if not hashes.get((name, version)):
            raise SolveFailed(
                f"The index of system packages has no SHA-256 of {name} {version}, so it could not be told later "
                "whether it is still the same package. Nothing was changed. Name a source whose index has them."
            )
    new = (
        Package(name, version, architecture, hashes[name, version])
        for (name, architecture), version in simulated.install.items()
    )
    return (*new, *(Package(name, version, apt.architecture, None) for name, version in there.items()))
