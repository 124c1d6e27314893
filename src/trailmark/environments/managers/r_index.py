"""Which versions of R packages can be had for one resolution."""

from collections.abc import Iterable, Mapping, Sequence

from trailmark.environments.managers.plan import Candidate
from trailmark.environments.managers.r_lock import Package
from trailmark.environments.managers.r_packages import BASE, Asked, needs_of, newest_first
from trailmark.environments.managers.r_repository import Repository

_MOST_OLDER = 10


class Index:
    """What can be had: R itself, the repositories' packages, older ones that are asked for, and those kept."""

    def __init__(
        self,
        version: str,
        repositories: Sequence[Repository],
        asked: Sequence[Asked],
        kept: Mapping[str, Package],
    ) -> None:
        self._version = version
        self._repositories = repositories
        self._extended: set[str] = set()
        self._kept = {name: one.version for name, one in kept.items()}
        self._packages: dict[str, dict[str, Package]] = {}
        for repository in repositories:
            for package in repository.packages():
                self._packages.setdefault(package.name, {}).setdefault(package.version, package)
        for name, package in kept.items():
            if name in self._packages and package.is_in_repository:
                self._packages[name].setdefault(package.version, package)
        for one in asked:
            if one.exact and one.exact not in self._packages.get(one.name, {}):
                found = (repository.find_older(one.name, one.exact) for repository in repositories)
                older = next(filter(None, found), None)
                if older is not None:
                    self._packages.setdefault(one.name, {})[one.exact] = older

    def versions(self, name: str) -> list[str]:
        """Return the versions of a package, the newest first."""
        return newest_first(self._packages.get(name, ()))

    def candidates(self, name: str) -> list[Candidate]:
        """Return the versions of a package with what they need, the one to keep first."""
        if comes_with_r(name):
            return [Candidate(name, self._version)]
        ordered = sorted(self.versions(name), key=lambda version: version != self._kept.get(name))
        return [
            Candidate(name, version, tuple(needs_of(self._packages[name][version].fields)))
            for version in ordered
        ]

    def extend(self, names: Iterable[str]) -> bool:
        """Look for older versions of packages that the indexes list no more; return whether there are any."""
        found = False
        for name in sorted(set(names) - self._extended):
            self._extended.add(name)
            for repository in self._repositories:
                for version in newest_first(repository.archived(name))[:_MOST_OLDER]:
                    package = repository.find_older(name, version)
                    if package is not None and version not in self._packages.setdefault(name, {}):
                        self._packages[name][version] = package
                        found = True
        return found

    def package(self, candidate: Candidate) -> Package:
        """Return all that is known of a candidate, the hash of its file included. Raises Unavailable or Cancelled."""
        package = self._packages[candidate.name][candidate.version]
        if package.md5 is not None:
            return package
        named = {one.name: one for one in self._repositories}
        return named.get(package.repository, self._repositories[0]).hashed(package)


def comes_with_r(name: str) -> bool:
    """Whether a package is R itself or always there with it."""
    return name == "R" or name in BASE
