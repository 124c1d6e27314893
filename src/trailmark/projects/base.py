"""A project's base: changing it, moving to a newer revision, and keeping the whole environment as a new base."""

from __future__ import annotations

from dataclasses import replace

from packaging.utils import canonicalize_name

from trailmark.environments.bases.catalogue import Catalogue
from trailmark.environments.bases.model import Base, ManagerPart
from trailmark.environments.bases.own import keep_base
from trailmark.environments.edit import package_name
from trailmark.environments.managers.model import Wanted
from trailmark.environments.managers.pip import exactly
from trailmark.environments.whole.join import joined
from trailmark.environments.whole.model import WholeLock
from trailmark.environments.whole.resolve import Managers, Means
from trailmark.errors import Unavailable
from trailmark.progress import Progress
from trailmark.projects.environment import current_lock, request_with, snippets_of, whole_request
from trailmark.projects.project import Project
from trailmark.projects.relock import Alteration, Relocked, relock

# Whose image stands in for a project's that has no base of its own.
PLAIN = "python-minimal"


def change_base(
    project: Project, base: Base | None, means: Means, progress: Progress, *, actor: str = "person"
) -> Relocked:
    """Start the environment from another base, or from none, keeping the project's own packages."""
    title = f"Chose the base {base.id}, revision {base.revision}" if base else "Went on without a base"

    def plan() -> Alteration:
        return Alteration(title, request_with(project, base, snippets_of(project)))

    return relock(project, plan, means, progress, actor, tolerate=(Unavailable,), mends=True)


def newer_revision(base: Base | None, catalogue: Catalogue) -> Base | None:
    """Return the newest revision of a base where that is newer than this one; it is offered, never taken."""
    newest = catalogue.find(base.id) if base else None
    return newest if newest and base and newest.revision > base.revision else None


def save_base(
    project: Project,
    base_id: str,
    catalogue: Catalogue,
    managers: Managers,
    *,
    title: str = "",
    description: str = "",
) -> Base:
    """Keep the project's environment as a base in the person's own catalogue, its snippets with it.

    What was asked for comes at the very versions of the lock, but for apt's packages without a day: what an archive
    has now, it does not keep. Raises InvalidInput, AlreadyExists.
    """
    request, lock = whole_request(project), current_lock(project)
    start = request.base or catalogue.get(PLAIN)
    pip, others = joined(request)
    parts = dict(start.managers)
    parts["pip"] = replace(start.manager("pip"), packages=_exactly(pip.packages, lock))
    for name, wanted in others.items():
        part: ManagerPart = start.manager(name)
        keeps = name != "apt" or wanted.snapshot is not None
        parts[name] = replace(
            part,
            packages=_exactly_of(name, wanted, lock, managers) if keeps else wanted.requirements,
            channels=wanted.channels or part.channels,
            snapshot=wanted.snapshot or part.snapshot,
        )
    about = description or project.manifest().description or f"The environment of the project {project.name}."
    base = replace(
        start,
        id=base_id,
        revision=1,
        title=title or base_id,
        description=about,
        managers=parts,
        snippets=request.all_snippets,
    )
    return keep_base(project.settings.home, base, catalogue)


def _exactly(requirements: tuple[str, ...], lock: WholeLock | None) -> tuple[str, ...]:
    """Return the requirements with the versions that the lock has, as far as it has one."""
    locked = lock.packages if lock else ()
    versions: dict[str, str | None] = {canonicalize_name(one.name): one.version for one in locked}
    there = ((text, versions.get(package_name(text))) for text in requirements)
    return tuple(exactly(text, version) if version else text for text, version in there)


def _exactly_of(name: str, wanted: Wanted, lock: WholeLock | None, managers: Managers) -> tuple[str, ...]:
    """Return what is asked of another manager, with the versions that its lock has, as far as it has one."""
    file, manager = lock.others.get(name) if lock else None, managers.get(name)
    if file is None or manager is None:
        return wanted.requirements
    versions = {item.name: item.version for item in manager.parse(file.text).items}
    there = ((text, versions.get(manager.name_of(text))) for text in wanted.requirements)
    return tuple(manager.exactly(text, version) if version else text for text, version in there)
