"""The same as JSON: projects, records, files, uploads, jobs. `/api/openapi.json` describes it."""

from fastapi import APIRouter

from trailmark.web.api import environment, files, jobs, projects, records, sessions, uploads

router = APIRouter(prefix="/api")
for part in (projects, records, files, uploads, environment, sessions, jobs):
    router.include_router(part.router)

__all__ = ["router"]
