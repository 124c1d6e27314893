"""Background jobs as JSON."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from trailmark.web.jobs import Job, State
from trailmark.web.site import Here

router = APIRouter(prefix="/jobs", tags=["jobs"])


class JobState(BaseModel):
    """A job as it stands. `fraction` is null while it is not known how much remains."""

    id: str
    title: str
    project: str | None
    state: State
    message: str
    fraction: float | None
    started: float
    ended: float | None
    error: str | None
    link: str | None
    log: list[str]


@router.get("")
def jobs(site: Here, project: str | None = None) -> list[JobState]:
    """List the jobs that are remembered, newest first; with `project` (owner/name), only that one's."""
    return [job_state(job) for job in site.jobs.all(project)]


@router.get("/{job_id}")
def job(site: Here, job_id: str) -> JobState:
    """Describe one job."""
    return job_state(site.jobs.get(job_id))


@router.post("/{job_id}/cancel")
def cancel(site: Here, job_id: str) -> JobState:
    """Ask a job to stop at its next safe point."""
    return job_state(site.jobs.cancel(job_id))


def job_state(job: Job) -> JobState:
    """Return a job as it is sent."""
    return JobState(
        id=job.id,
        title=job.title,
        project=job.project,
        state=job.state,
        message=job.message,
        fraction=job.fraction,
        started=job.started,
        ended=job.ended,
        error=job.error,
        link=job.link,
        log=list(job.log),
    )
