"""Routes of the jobs' tray and of one job."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from trailmark.web.site import Here, see_other

router = APIRouter(include_in_schema=False)


@router.get("/jobs/tray")
def tray(request: Request, site: Here) -> HTMLResponse:
    """Show the jobs as they stand, as a piece of a page."""
    jobs = site.jobs.all()
    return site.fragment(request, "jobs_page/tray.html", jobs=jobs, open=sum(job.is_open for job in jobs))


@router.get("/jobs")
def jobs(request: Request, site: Here) -> HTMLResponse:
    """Show all jobs that are remembered."""
    return site.page(request, "jobs_page/jobs.html", jobs=site.jobs.all())


@router.get("/jobs/{job_id}")
def job(request: Request, site: Here, job_id: str, then: int = 0) -> Response:
    """Show one job with its log; with `then`, go on to its result once it is there."""
    found = site.jobs.get(job_id)
    if then and found.state == "done" and found.link:
        return see_other(found.link)
    return site.page(request, "jobs_page/job.html", job=found, then=then)


@router.get("/jobs/{job_id}/state")
def state(request: Request, site: Here, job_id: str, then: int = 0) -> HTMLResponse:
    """Show how one job stands, as a piece of its page."""
    found = site.jobs.get(job_id)
    piece = site.fragment(request, "jobs_page/state.html", job=found)
    if then and found.state == "done" and found.link:
        piece.headers["HX-Redirect"] = found.link
    return piece


@router.post("/jobs/{job_id}/cancel")
def cancel(site: Here, job_id: str, back: Annotated[str, Form()] = "") -> Response:
    """Ask a job to stop."""
    site.jobs.cancel(job_id)
    return see_other(_ours(back) or f"/jobs/{job_id}")


@router.post("/jobs/{job_id}/dismiss")
def dismiss(site: Here, job_id: str, back: Annotated[str, Form()] = "") -> Response:
    """Forget a job that is over."""
    site.jobs.dismiss(job_id)
    return see_other(_ours(back) or "/jobs")


def _ours(address: str) -> str | None:
    """Return an address if it is one of this client's own pages."""
    return address if address.startswith("/") and not address.startswith(("//", "/\\")) else None
