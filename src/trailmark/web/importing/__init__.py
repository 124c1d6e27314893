"""Importing in two steps: what was found is shown first, and made only when it is confirmed."""

from trailmark.web.importing.route import router

__all__ = ["router"]
