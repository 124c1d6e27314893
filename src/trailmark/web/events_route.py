"""The event streams that open pages listen to."""

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from trailmark.web.opening import OpenProject
from trailmark.web.site import Here

router = APIRouter(tags=["events"])
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.get("/events", response_class=StreamingResponse)
async def events(site: Here, seen: str | None = None) -> StreamingResponse:
    """Tell an open page of news about sessions and jobs, as server-sent events."""
    return StreamingResponse(site.events.stream(None, seen), media_type="text/event-stream", headers=_HEADERS)


@router.get("/p/{owner}/{name}/events", response_class=StreamingResponse)
async def project_events(site: Here, project: OpenProject, seen: str | None = None) -> StreamingResponse:
    """Tell an open page of news about a project, its sessions and jobs, as server-sent events."""
    stream = site.events.stream(project.path, seen)
    return StreamingResponse(stream, media_type="text/event-stream", headers=_HEADERS)
