"""Answering a form whose work may take a moment: with its result when it is quick, else with its progress."""

from __future__ import annotations

from starlette.responses import Response

from trailmark.web.jobs import Job, Work
from trailmark.web.site import Site, see_other

_PATIENCE_SECONDS = 2.0


def carry_out(
    site: Site, title: str, work: Work, *, told: str, back: str, project: str | None = None
) -> Response:
    """Do the work in the background, and answer as `follow` does."""
    return follow(site, site.jobs.start(title, work, project=project), told=told, back=back)


def follow(site: Site, job: Job, *, told: str, back: str) -> Response:
    """Lead to the result of a job, to `back` with what went wrong, or to its progress."""
    job = site.jobs.wait(job.id, _PATIENCE_SECONDS)
    if job.is_open:
        return see_other(f"/jobs/{job.id}?then=1")
    site.jobs.dismiss(job.id)
    if job.state == "done":
        return see_other(job.link or back, told)
    return see_other(back, job.error or job.message, tone="bad")
