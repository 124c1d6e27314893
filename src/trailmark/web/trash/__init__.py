"""Deleted projects: to be put back, or destroyed for good."""

from trailmark.web.trash.route import router

__all__ = ["router"]
