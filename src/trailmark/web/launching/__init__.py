"""Launching a tool on a project, opening the one that runs, and stopping it."""

from trailmark.web.launching.route import router
from trailmark.web.launching.work import start_launch, start_stop

__all__ = ["router", "start_launch", "start_stop"]
