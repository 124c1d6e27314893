"""The first page: all projects, or three ways to begin."""

from trailmark.web.home.route import router

__all__ = ["router"]
