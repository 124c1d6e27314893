"""R packages: resolved from CRAN-like repositories, of a day where they have dated snapshots; no R is needed."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

from trailmark.environments.managers.edit import behind
from trailmark.environments.managers.model import (
    ManagerLock,
    SolveFailed,
    Step,
    Wanted,
    complete_among,
    go_on,
    require_short,
)
from trailmark.environments.managers.plan import Candidate, Need, NoPlan, plan_versions
from trailmark.environments.managers.protocol import NOTHING
from trailmark.environments.managers.r_index import Index, comes_with_r
from trailmark.environments.managers.r_lock import (
    FILE_NAME,
    Package,
    RLock,
    parse_lock,
    read_lock,
    render_lock,
)
from trailmark.environments.managers.r_own import OwnR
from trailmark.environments.managers.r_packages import (
    BASE,
    VERSION,
    Asked,
    needs_of,
    newest_first,
    read_asked,
    version_key,
)
from trailmark.environments.managers.r_repository import WHERE_NAMED, Repository, has_days, on_day
from trailmark.errors import InvalidInput, Unavailable
from trailmark.progress import NullProgress, Progress

_CACHE = "/var/cache/trailmark-r"
_HAVE_R = "Choose a base that has R, or install R on this machine. Nothing was changed."


class R:
    """Resolves for R of `version` where the request names none, from `repositories` where it names no others.

    Where there is neither, `own` asks R itself. An address may hold {snapshot}, the place of the day, or end with a
    day as repositories of dated snapshots do; without a day it is “latest”, or as it is.
    """

    name = "r"
    file_name = FILE_NAME

    def __init__(
        self,
        cache: Path,
        version: str | None = None,
        *,
        repositories: Collection[str] = (),
        own: Callable[[str | None, Progress], OwnR] | None = None,
    ) -> None:
        self._cache = cache
        self._version = version
        self._repositories = tuple(repositories)
        self._own = own

    def check(self, requirement: str) -> str:
        """Return the requirement in its normal form, like “ggplot2>=3.4”. Raises InvalidInput."""
        return str(_read(requirement))

    def name_of(self, requirement: str) -> str:
        """Return the name of the package that a requirement asks for. Raises InvalidInput."""
        return _read(requirement).name

    def meets(self, requirement: str, version: str | None) -> bool:
        """Whether that version of the package is what is asked for."""
        return version is not None and _read(requirement).allows(version)

    def exactly(self, requirement: str, version: str) -> str:
        """Return what asks for just that version of a package. Raises InvalidInput."""
        return f"{self.name_of(requirement)}=={version}"

    def parse(self, text: str) -> ManagerLock:
        """Read an renv.lock. Raises Damaged that says where it is wrong."""
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

        Raises SolveFailed that says what stands in the way, InvalidInput, Unavailable or Cancelled.
        """
        progress = progress or NullProgress()
        asked = [_read(one) for one in wanted.requirements]
        version = self._runtime(wanted, progress)
        progress.step("Reading the index of R packages")
        repositories = self._open(wanted, progress)
        kept = {
            one.name: one for one in (read_lock(keep.text).packages if keep else ()) if one.name not in move
        }
        index = Index(version, repositories, asked, kept)
        progress.step("Finding R packages that fit together")
        chosen = _plan(asked, index, progress)
        packages = tuple(index.package(one) for one in chosen.values() if not comes_with_r(one.name))
        return self.parse(
            render_lock(RLock(version, {one.name: one.address for one in repositories}, packages))
        )

    def search(self, prefix: str, limit: int = 20, wanted: Wanted = NOTHING) -> list[str]:
        """Return names that begin with `prefix`, then others that hold it, of the repositories of `wanted`."""
        repositories = self._open(wanted, NullProgress())
        return complete_among((one.name for place in repositories for one in place.packages()), prefix, limit)

    def newest(self, names: Iterable[str], wanted: Wanted = NOTHING) -> dict[str, str | None]:
        """Return the newest version of each name; None for a name that no repository has."""
        index = Index("0", self._open(wanted, NullProgress()), (), {})
        return {one: next(iter(index.versions(self.name_of(one))), None) for one in names}

    def versions(self, name: str, limit: int = 20, wanted: Wanted = NOTHING) -> list[str]:
        """Return the versions of a package in the repositories of `wanted`, their archives included."""
        plain, repositories = self.name_of(name), self._open(wanted, NullProgress())
        found = {one.version for place in repositories for one in place.packages() if one.name == plain}
        older = {version for place in repositories for version in place.archived(plain)}
        return newest_first(found | older)[:limit]

    def is_newer(self, version: str, than: str) -> bool:
        """Whether R puts `version` after `than`."""
        return bool(version_key(than)) and version_key(version) > version_key(than)

    def outdated(self, lock: ManagerLock) -> dict[str, str]:
        """Return the newest version of each package of the lock that is behind it in the lock's repositories."""
        channels = tuple(read_lock(lock.text).repositories.values())
        newest = self.newest([item.name for item in lock.items], Wanted(channels=channels))
        return behind(self, lock.items, newest)

    def install_steps(self, lock: ManagerLock) -> tuple[Step, ...]:
        """Return one step that installs the lock by R alone, each file compared with its hash.

        Raises InvalidInput for packages that come from elsewhere than a repository.
        """
        read = read_lock(lock.text)
        foreign = sorted(one.name for one in read.packages if not one.is_in_repository)
        if foreign:
            raise InvalidInput(
                f"{', '.join(foreign)} in {FILE_NAME} do not come from a repository of R packages. Take them from "
                "one, or install them in a snippet."
            )
        bare = sorted(one.name for one in read.packages if not one.md5)
        if bare:
            raise InvalidInput(
                f"{FILE_NAME} has no hash of {', '.join(bare)}, so it could not be told whether what is installed is "
                "what was locked. Resolve it again: trailmark env lock"
            )
        if not read.packages:
            return ()
        lines = [_line(one, read) for one in _in_order(read.packages)]
        script = resources.files(__package__).joinpath("install_r.R.txt").read_text(encoding="utf-8")
        files = {"packages.tsv": "".join(lines), "install_r.R": script}
        return (Step(self.name, (f"Rscript --vanilla install_r.R {_CACHE}",), files, caches=(_CACHE,)),)

    def _runtime(self, wanted: Wanted, progress: Progress) -> str:
        version = wanted.runtime or self._version
        if version is None:
            version = self._ask(wanted, progress, "Which version of R the packages are for", _HAVE_R).version
        if not VERSION.fullmatch(version):
            raise InvalidInput(
                f"“{version[:40]!s}” is no version of R. Write it like “4.2.2”. Nothing was changed."
            )
        return version

    def _open(self, wanted: Wanted, progress: Progress) -> list[Repository]:
        addresses = wanted.channels or self._repositories
        addresses = (
            addresses or self._ask(wanted, progress, "Where R packages come from", WHERE_NAMED).repositories
        )
        if not addresses:
            raise Unavailable(f"R names no repository of R packages. {WHERE_NAMED}")
        if wanted.snapshot and not any(map(has_days, addresses)):
            raise Unavailable(
                f"The R packages of {wanted.snapshot} are wanted, and {', '.join(addresses)[:300]} keeps no dated "
                f"snapshots. Name one with {{snapshot}} in the place of the day, or ask for no day. {WHERE_NAMED}"
            )
        return [
            Repository(
                "CRAN" if number == 0 else f"CRAN{number + 1}",
                on_day(address, wanted.snapshot),
                cache=self._cache,
                progress=progress,
            )
            for number, address in enumerate(addresses)
        ]

    def _ask(self, wanted: Wanted, progress: Progress, unknown: str, mend: str) -> OwnR:
        """Return what R says of itself. Raises Unavailable that says what is unknown then, and how to mend it."""
        try:
            if self._own is not None:
                return self._own(wanted.image, progress)
            reason = "R is not asked here"
        except Unavailable as error:
            reason = str(error)
        raise Unavailable(f"{unknown} is not known: {reason.rstrip('.')}. {mend}")


def _read(requirement: str) -> Asked:
    asked = read_asked(require_short(requirement))
    if asked is None or asked.name in BASE:
        raise InvalidInput(
            f"“{requirement.strip()}” is not an R package that can be asked for. Write it like “ggplot2”, "
            "“ggplot2>=3.4” or “ggplot2==3.4.0”; what comes with R itself is always there."
        )
    return asked


def _plan(asked: Sequence[Asked], index: Index, progress: Progress) -> Mapping[str, Candidate]:
    """Return the versions to take; older ones are looked for only when the newest do not fit together."""
    needs = [Need(one.name, str(one), one.allows) for one in asked]
    while True:
        try:
            return plan_versions(needs, index.candidates, pause=lambda: go_on(progress))
        except NoPlan as error:
            if index.extend(name for name in error.names if not comes_with_r(name)):
                continue
            raise SolveFailed(
                f"The R packages could not be resolved, so nothing was changed. In the way stands:\n{error}",
                output=str(error),
            ) from error


def _in_order(packages: Sequence[Package]) -> list[Package]:
    """Return packages so that each comes after what it needs."""
    left = {one.name: one for one in packages}
    needs = {one.name: {need.name for need in needs_of(one.fields)} & left.keys() for one in packages}
    ordered: list[Package] = []
    while left:
        ready = [name for name in left if not needs[name] & left.keys()] or list(left)
        ordered += [left.pop(name) for name in ready]
    return ordered


def _line(package: Package, lock: RLock) -> str:
    address = lock.repositories.get(package.repository, next(iter(lock.repositories.values()), ""))
    if not urlsplit(address).scheme:
        address = f"file://{address}"
    contrib, file = f"{address.rstrip('/')}/src/contrib", f"{package.name}_{package.version}.tar.gz"
    return (
        "\t".join(
            [
                package.name,
                package.version,
                str(package.md5),
                f"{contrib}/{file}",
                f"{contrib}/Archive/{package.name}/{file}",
            ]
        )
        + "\n"
    )
