"""A project's environment as JSON, and names of packages."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from trailmark.environments.bases.catalogue import load_catalogue
from trailmark.environments.bases.render import base_facts
from trailmark.environments.catalogue import complete
from trailmark.environments.status import State
from trailmark.environments.whole.status import Standing
from trailmark.projects.built import environment_facts
from trailmark.projects.standing import standing_of
from trailmark.web.opening import OpenProject
from trailmark.web.site import Here

router = APIRouter(tags=["environment"])


class PackageState(BaseModel):
    """A package. `requested` is the version asked for (empty: any), null for what only others need."""

    manager: str
    name: str
    requested: str | None
    version: str | None
    latest: str | None
    state: State


class EnvironmentState(BaseModel):
    """What a project runs on. `base`, `digest` and `path` are null before they are chosen or made.

    `built` is null when it would be an image, and no engine answers that could have it.
    """

    base: str | None
    python: str
    packages: list[PackageState]
    digest: str | None
    state: Standing
    why: list[str]
    built: bool | None
    path: str | None


class BaseState(BaseModel):
    """A starting point that an environment can have."""

    id: str
    revision: int
    title: str
    description: str
    image: str
    digest: str | None
    languages: dict[str, str]
    tools: list[str]
    catalogue: str


@router.get("/projects/{owner}/{name}/environment")
def environment(site: Here, project: OpenProject) -> EnvironmentState:
    """Describe the environment of a project."""
    services = site.services
    return EnvironmentState.model_validate(
        environment_facts(standing_of(project, services.managers), services.containers_named)
    )


@router.get("/bases")
def bases(
    site: Here,
    language: Annotated[str | None, Query(max_length=100)] = None,
    tool: Annotated[str | None, Query(max_length=100)] = None,
) -> list[BaseState]:
    """List the bases that have a language and a tool."""
    settings = site.services.settings
    found = load_catalogue(settings.home, settings.bases).choose(language=language, tool=tool)
    return [BaseState.model_validate(base_facts(one.base) | {"catalogue": one.catalogue}) for one in found]


@router.get("/packages")
def packages(
    beginning: Annotated[str, Query(max_length=100)], limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> list[str]:
    """Complete the name of a package."""
    return list(complete(beginning, limit))
