"""What a project runs on: the packages that were asked for, what was resolved, and what is installed."""

from trailmark.web.environment.route import router

__all__ = ["router"]
