"""The same as JSON: projects, records, files, uploads, jobs. `/api/openapi.json` describes it."""

from fastapi import APIRouter

from trailmark.web.api import files, jobs, projects, records, uploads

router = APIRouter(prefix="/api")
for part in (projects, records, files, uploads, jobs):
    router.include_router(part.router)

__all__ = ["router"]
