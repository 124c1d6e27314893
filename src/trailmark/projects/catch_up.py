"""Bringing a project's trail up to date before a command reads or changes it."""

from __future__ import annotations

from trailmark.activity import Recorded
from trailmark.errors import Busy, Unavailable, refusal_of
from trailmark.git import worktree
from trailmark.projects.alter import finish
from trailmark.projects.drain import Drain
from trailmark.projects.project import Project
from trailmark.projects.sweep import sweep


def catch_up(project: Project, *, drain: Drain | None = None, actor: str = "person") -> list[Recorded]:
    """Record what capture has journalled, then what was changed by hand. Returns what was recorded."""
    drain = drain or Drain(project)
    with project.trail.lock:
        finish(project)
        recorded = drain.run()
        if project.repository.is_in_operation():
            return recorded
        swept = sweep(project, find_busy=drain.busy, actor=actor)
        if swept is None and (recorded or worktree.is_index_behind(project.repository)):
            worktree.sync_index(project.repository)
    return recorded + ([swept] if swept is not None else [])


def catch_up_if_possible(project: Project) -> str | None:
    """Bring the trail up to date for somebody who only reads; return why that was not possible."""
    try:
        catch_up(project)
    except (Busy, Unavailable) as error:
        return str(error)
    except OSError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        return str(refusal)
    return None
