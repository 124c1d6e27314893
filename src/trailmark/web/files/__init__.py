"""The files of a project, now or as they were: folders, previews, raw bytes, and changes to them."""

from trailmark.web.files.route import router

__all__ = ["router"]
