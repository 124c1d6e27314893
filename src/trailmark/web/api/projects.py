"""Projects as JSON."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, status
from pydantic import BaseModel, Field

from trailmark.projects.new import new_project
from trailmark.projects.project import manifest_problem
from trailmark.web.masthead import manifest_of, sessions_of
from trailmark.web.opening import OpenProject
from trailmark.web.site import Here
from trailmark.web.summaries import Summary

router = APIRouter(prefix="/projects", tags=["projects"])


class ProjectState(BaseModel):
    """A project; `bytes` is null until it was measured, `problem` what is wrong with its `trailmark.toml`."""

    owner: str
    name: str
    path: str
    description: str
    branch: str | None
    bytes: int | None
    sessions: list[str]
    problem: str | None


class ProjectLine(BaseModel):
    """A project in the list; `problem` says what is wrong with it. Times are seconds since the epoch."""

    owner: str
    name: str
    path: str
    description: str
    last_title: str | None
    last_kind: str | None
    last_at: float | None
    bytes: int | None
    problem: str | None


class NewProject(BaseModel):
    """A project to be made."""

    name: Annotated[str, Field(max_length=100)]
    description: Annotated[str, Field(max_length=1000)] = ""
    packages: list[str] = []


@router.get("")
def projects(site: Here) -> list[ProjectLine]:
    """List the projects of this machine."""
    return [_line(summary, size) for summary, size in site.summaries.all()]


@router.post("", status_code=status.HTTP_201_CREATED)
def make(site: Here, wanted: NewProject) -> ProjectState:
    """Make a project."""
    made = new_project(
        wanted.name,
        site.services.settings,
        description=wanted.description,
        packages=tuple(wanted.packages),
    )
    return describe(site, made)


@router.get("/{owner}/{name}")
def describe(site: Here, project: OpenProject) -> ProjectState:
    """Describe a project."""
    return ProjectState(
        owner=project.owner,
        name=project.name,
        path=str(project.path),
        description=manifest_of(project).description,
        branch=project.repository.branch(),
        bytes=site.summaries.size(project.path),
        sessions=[session.id for session in sessions_of(site, project)],
        problem=manifest_problem(project),
    )


def _line(summary: Summary, size: int | None) -> ProjectLine:
    return ProjectLine(
        owner=summary.owner,
        name=summary.name,
        path=str(summary.path),
        description=summary.description,
        last_title=summary.last_title,
        last_kind=summary.last_kind,
        last_at=summary.last_at,
        bytes=size,
        problem=summary.problem,
    )
