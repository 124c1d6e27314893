"""The lines of work of a project: what there is, beginning one, going to another, ending one."""

from trailmark.web.branches.route import router

__all__ = ["router"]
