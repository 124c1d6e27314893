"""Sessions as JSON: what runs on a project, starting a tool, stopping it."""

from __future__ import annotations

from fastapi import APIRouter, status
from pydantic import BaseModel

from trailmark.sessions.session import Session
from trailmark.sessions.tools.catalogue import DEFAULT
from trailmark.web.api.jobs import JobState, job_state
from trailmark.web.launching import start_launch, start_stop
from trailmark.web.masthead import sessions_of
from trailmark.web.opening import OpenProject
from trailmark.web.site import Here

router = APIRouter(prefix="/projects/{owner}/{name}/sessions", tags=["sessions"])


class SessionLine(BaseModel):
    """A running tool. `open` leads to it; the key of the tool stands nowhere in this interface."""

    id: str
    tool: str
    title: str
    engine: str
    environment: str | None
    started: float
    open: str


class Launch(BaseModel):
    """What to start: the id of a tool, or `app:NAME` for an app of the project."""

    tool: str = DEFAULT


@router.get("")
def sessions(site: Here, project: OpenProject) -> list[SessionLine]:
    """List what runs on the project."""
    return [_line(session, project) for session in sessions_of(site, project)]


@router.post("", status_code=status.HTTP_202_ACCEPTED)
def launch(site: Here, project: OpenProject, wanted: Launch) -> JobState:
    """Start a tool in the background, or find the one that runs."""
    return job_state(start_launch(site, project, wanted.tool))


@router.delete("", status_code=status.HTTP_202_ACCEPTED)
def stop(site: Here, project: OpenProject, session: str | None = None) -> JobState:
    """Stop what runs on the project, or one session, in the background; everything that it did is recorded."""
    return job_state(start_stop(site, project, session))


def _line(session: Session, project: OpenProject) -> SessionLine:
    return SessionLine(
        id=session.id,
        tool=session.tool,
        engine=session.engine,
        environment=session.environment,
        started=session.started,
        title=session.title,
        open=f"/p/{project.owner}/{project.name}/open?session={session.id}",
    )
