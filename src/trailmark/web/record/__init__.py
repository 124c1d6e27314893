"""One record in full, and what can be done from it: a note, going back, a branch."""

from trailmark.web.record.route import router

__all__ = ["router"]
