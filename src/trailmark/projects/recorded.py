"""What the trail says of a project's environments: what each lock came to when it was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trailmark.activity import Action, load, record
from trailmark.activity.index import Index, Row
from trailmark.activity.query import Filter
from trailmark.engines.contents import Contents
from trailmark.engines.images import BASE_LABEL, Image
from trailmark.environments.image_difference import fingerprint
from trailmark.environments.whole.model import WholeLock
from trailmark.environments.whole.recipe import TOOLS_LABEL
from trailmark.projects.project import Project

_AT_ONCE = 50
_PARTS = "parts"
_IMAGE = "image"


def recorded_facts(project: Project, digest: str) -> Mapping[str, Any]:
    """Return what the trail says of a lock; of the newest one that it knows when it does not know that one."""
    return facts_of_lock(project, digest) or next(_facts(project, _PARTS), {})


def facts_of_lock(project: Project, digest: str) -> Mapping[str, Any] | None:
    """Return what the trail says of a lock, None when it does not know it."""
    return next(_facts(project, _PARTS, digest), None)


def pip_digest_of(project: Project, digest: str) -> str:
    """Return the digest of the Python part of a lock that was recorded: what the local engine made of it."""
    parts = (facts_of_lock(project, digest) or {}).get(_PARTS)
    return str(parts["pip"]) if isinstance(parts, dict) and "pip" in parts else digest


def first_build(project: Project, digest: str) -> Mapping[str, Any] | None:
    """Return what lay in the image of a lock when it was first built, None when the trail does not say."""
    found = [facts[_IMAGE] for facts in _facts(project, _IMAGE, digest)]
    return found[-1] if found and isinstance(found[-1], dict) else None


def is_first_build(project: Project, digest: str) -> bool:
    """Whether an image that is built now is the first of a lock; one that the trail does not know has none."""
    return facts_of_lock(project, digest) is not None and first_build(project, digest) is None


def record_first_build(
    project: Project, lock: WholeLock, engine: str, image: Image, contents: Contents, *, actor: str = "person"
) -> None:
    """Record what lies in the image of a lock, folder by folder."""
    facts = {
        "base": image.labels.get(BASE_LABEL),
        "tools": image.labels.get(TOOLS_LABEL),
        "contents": fingerprint(contents),
    }
    action = Action(
        "environment",
        "Built the image of the environment",
        actor=actor,
        tool="trailmark",
        engine=engine,
        environment=lock.digest,
        detail={_IMAGE: facts},
    )
    record(project.trail, action)


def _facts(project: Project, having: str, digest: str | None = None) -> Iterator[Mapping[str, Any]]:
    """Yield the facts of environments, of one lock or all, that say something of one kind; the newest first."""
    for row in _environment_rows(project):
        if digest in (None, row.environment):
            detail = load(project.repository, row.id).record.detail
            if having in detail:
                yield detail


def _environment_rows(project: Project) -> Iterator[Row]:
    """Yield the records of environments, the newest first, as far back as is asked for."""
    with Index.open(project.state / "index.sqlite") as index:
        index.refresh(project.repository)
        before = None
        while rows := index.page(Filter(kind="environment"), before=before, limit=_AT_ONCE):
            yield from rows
            before = rows[-1].id
