"""Exporting a project with its whole trail, as one file to hand on."""

from trailmark.web.exporting.route import router

__all__ = ["router"]
