"""What a project runs on: the packages that were asked for, what was resolved, and what is installed."""

from fastapi import APIRouter

from trailmark.web.environment import building, history, route

router = APIRouter(include_in_schema=False)
for part in (route, building, history):
    router.include_router(part.router, prefix="/p/{owner}/{name}/environment")

__all__ = ["router"]
