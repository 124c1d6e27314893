"""A project's environment as JSON, and names of packages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from trailmark.environments.catalogue import complete
from trailmark.environments.status import State
from trailmark.web.environment import view_of
from trailmark.web.opening import OpenProject
from trailmark.web.site import Here

router = APIRouter(tags=["environment"])


class PackageState(BaseModel):
    """A package. `requested` is the version asked for (empty: any), null for what only others need."""

    name: str
    requested: str | None
    version: str | None
    state: State


class EnvironmentState(BaseModel):
    """What a project runs on. `lock` and `path` are null before they are made."""

    python: str
    packages: list[PackageState]
    lock: str | None
    path: str | None


@router.get("/projects/{owner}/{name}/environment")
def environment(site: Here, project: OpenProject) -> EnvironmentState:
    """Describe the environment of a project."""
    view = view_of(site, project)
    return EnvironmentState(
        python=view.python,
        packages=[
            PackageState(name=line.name, requested=line.requested, version=line.version, state=line.state)
            for line in (*view.asked, *view.others)
        ],
        lock=view.digest,
        path=view.path,
    )


@router.get("/packages")
def packages(
    beginning: Annotated[str, Query(max_length=100)], limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> list[str]:
    """Complete the name of a package."""
    return list(complete(beginning, limit))
