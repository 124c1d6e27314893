"""Where a project's environment stands: one value that the command line, the pages and programs show."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from trailmark.environments.bases.catalogue import load_catalogue
from trailmark.environments.bases.model import Base
from trailmark.environments.bases.render import base_facts
from trailmark.environments.interpreter import find_interpreter, own_interpreter
from trailmark.environments.package_index import newest_versions
from trailmark.environments.whole.join import looking
from trailmark.environments.whole.latest import Latest, is_newer, of_place, of_python
from trailmark.environments.whole.model import WholeLock, WholeRequest
from trailmark.environments.whole.resolve import Managers, Means, minor_of
from trailmark.environments.whole.status import (
    PackageStanding,
    Standing,
    describe_whole,
    left_to_the_machine,
    reasons_stale,
)
from trailmark.errors import Unavailable
from trailmark.projects.base import newer_revision
from trailmark.projects.environment import current_lock, find_made, readable_request
from trailmark.projects.project import Project
from trailmark.projects.proofs import Proof, find_proofs


@dataclass(frozen=True)
class EnvironmentStanding:
    """All of it. `why` says in sentences what makes the lock stale; `left` what is left to this machine's system.

    `problems` are those of `why` that keep the request from being read whole. `latest` has the newest versions that
    are known, by manager and name, and `outdated` those of them that come after the locked one; `path` is None until
    it is made here.
    """

    request: WholeRequest
    lock: WholeLock | None
    state: Standing
    why: tuple[str, ...]
    packages: tuple[PackageStanding, ...]
    path: Path | None
    newer: Base | None
    left: tuple[str, ...]
    proofs: tuple[Proof, ...] = ()
    latest: dict[tuple[str, str], str | None] = field(default_factory=dict)
    outdated: dict[tuple[str, str], str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def proof(self) -> Proof | None:
        """The comparison that counts: one that was not equal, else the newest; None when there was none."""
        unequal = (one for one in self.proofs if not one.ok)
        return next(unequal, self.proofs[0] if self.proofs else None)

    @property
    def digest(self) -> str | None:
        """The digest over the whole lock, None when there is none."""
        return self.lock.digest if self.lock else None

    @property
    def asked(self) -> tuple[PackageStanding, ...]:
        """The packages that were asked for, by the base or by the project."""
        return tuple(line for line in self.packages if line.requested is not None)

    @property
    def needed(self) -> tuple[PackageStanding, ...]:
        """The packages that only others need."""
        return tuple(line for line in self.packages if line.requested is None)


def standing_of(project: Project, managers: Managers) -> EnvironmentStanding:
    """Return where the project's environment stands, with the newest versions as far as they are known already."""
    request, problems = readable_request(project)
    lock = current_lock(project, request.snippets)
    made = find_made(project, lock)
    why = (*problems, *(reasons_stale(request, lock, managers) if lock else ()))
    packages = describe_whole(request, lock, managers, installed=made is not None)
    proofs = find_proofs(project, lock.digest) if lock else ()
    settings = project.settings
    catalogue = load_catalogue(settings.home, settings.bases) if request.base else None
    latest = _known_latest(settings.home, packages, request, lock)
    return EnvironmentStanding(
        request=request,
        lock=lock,
        state=_state(lock, why, proofs),
        why=why,
        packages=packages,
        path=made.path if made else None,
        newer=newer_revision(request.base, catalogue) if catalogue else None,
        left=left_to_the_machine(request, lock),
        problems=problems,
        proofs=proofs,
        latest=latest,
        outdated={
            (line.manager, line.name): newest
            for line in packages
            if (newest := latest.get((line.manager, line.name)))
            and is_newer(line.manager, newest, line.version, managers)
        },
    )


def ask_for_latest(
    project: Project, packages: tuple[PackageStanding, ...], means: Means, *, all_managers: bool
) -> None:
    """Ask the indexes for the newest versions of what was asked for, and keep the answers.

    pip's index answers at once; those of other managers may take long, and are asked with `all_managers` only.
    """
    kept, request = Latest(project.settings.home), readable_request(project)[0]
    names = _names(packages)
    if "pip" in names:
        minor = _python_of(request, current_lock(project, request.snippets))
        kept.find(of_python(minor), names["pip"], lambda missing: _ask_pip(missing, minor, means))
    for name in names.keys() & means.managers.keys() if all_managers else ():
        manager, wanted = means.managers[name], looking(request, name)
        kept.find(of_place(name, wanted), names[name], partial(manager.newest, wanted=wanted))


def _ask_pip(names: tuple[str, ...], minor: str, means: Means) -> dict[str, str | None]:
    try:
        python = find_interpreter(f"=={minor}.*", uv=means.uv)
    except Unavailable:
        return {}
    return newest_versions(names, python, means.uv)


def standing_facts(standing: EnvironmentStanding) -> dict[str, Any]:
    """Return the standing as data for programs; whether it is built is told by `projects.built`."""
    base = standing.request.base
    detail = (
        base_facts(base) | {"newer": standing.newer.revision if standing.newer else None} if base else None
    )
    return {
        "base": base.id if base else None,
        "base_detail": detail,
        "python": standing.request.pip.python,
        "digest": standing.digest,
        "state": standing.state,
        "why": list(standing.why),
        "path": str(standing.path) if standing.path else None,
        "packages": [_package_facts(line, standing) for line in standing.packages],
        "snippets": [{"name": one.name, "digest": one.digest} for one in standing.request.all_snippets],
        "left_to_the_machine": list(standing.left),
        "proof": _proof_facts(standing.proof) if standing.proof else None,
        "proofs": [_proof_facts(one) for one in standing.proofs],
    }


def _package_facts(line: PackageStanding, standing: EnvironmentStanding) -> dict[str, Any]:
    return {
        "manager": line.manager,
        "name": line.name,
        "requested": line.requested,
        "version": line.version,
        "latest": standing.latest.get((line.manager, line.name)),
        "state": line.state,
        "origin": line.origin,
    }


def _proof_facts(proof: Proof) -> dict[str, Any]:
    return {
        "ok": proof.ok,
        "when": proof.when,
        "engine": proof.engine,
        "image": proof.image,
        "base": proof.base,
        "digest": proof.digest,
        "seconds": proof.seconds,
        "compared": proof.compared,
        "supplied": list(proof.supplied),
        "differences": [asdict(one) for one in proof.differences],
    }


def _known_latest(
    home: Path, packages: tuple[PackageStanding, ...], request: WholeRequest, lock: WholeLock | None
) -> dict[tuple[str, str], str | None]:
    """Return the newest versions that are known already, by manager and name."""
    kept, pip = Latest(home), of_python(_python_of(request, lock))
    return {
        (name, package): version
        for name, names in _names(packages).items()
        for package, version in kept.known(
            pip if name == "pip" else of_place(name, looking(request, name)), names
        ).items()
    }


def _python_of(request: WholeRequest, lock: WholeLock | None) -> str:
    """Return the Python that the packages are for: the lock's, else that of the base or of this program."""
    if lock and lock.pip.requires_python:
        return lock.pip.requires_python.removeprefix("==").removesuffix(".*")
    return minor_of(request.base) or own_interpreter().minor


def _state(lock: WholeLock | None, why: tuple[str, ...], proofs: tuple[Proof, ...]) -> Standing:
    if lock is None:
        return "unlocked"
    if why:
        return "stale"
    return "proved" if proofs and all(one.ok for one in proofs) else "locked"


def _names(packages: tuple[PackageStanding, ...]) -> dict[str, list[str]]:
    """Return the names of what was asked for, by manager."""
    names: dict[str, list[str]] = {}
    for line in packages:
        if line.requested is not None:
            names.setdefault(line.manager, []).append(line.name)
    return names
