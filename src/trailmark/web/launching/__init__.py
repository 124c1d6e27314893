"""Launching a tool on a project, opening the one that runs, and stopping it."""

from trailmark.web.launching.route import router

__all__ = ["router"]
