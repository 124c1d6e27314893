"""A project at a glance: what it is about, what happened last, what it runs on."""

from trailmark.web.overview.route import router

__all__ = ["router"]
