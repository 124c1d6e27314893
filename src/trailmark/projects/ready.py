"""Bringing a project to rest before a verb changes it on purpose."""

from __future__ import annotations

import time

from trailmark.activity import require_quiet
from trailmark.projects.catch_up import catch_up
from trailmark.projects.drain import SAVE_SECONDS, Drain
from trailmark.projects.project import Project

_POLL_SECONDS = 0.05


def make_ready(project: Project, *, actor: str = "person") -> None:
    """Record everything that has happened so far, waiting a moment for notebooks that are being saved.

    Raises Busy while a person's own merge or rebase is under way.
    """
    require_quiet(project.repository)
    drain = Drain(project)
    deadline = time.monotonic() + 2 * SAVE_SECONDS
    catch_up(project, drain=drain, actor=actor)
    while drain.is_waiting and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        catch_up(project, drain=drain, actor=actor)
