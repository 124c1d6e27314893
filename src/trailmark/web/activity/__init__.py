"""The trail of a project: page by page, filtered, searched, live."""

from trailmark.web.activity.route import router

__all__ = ["router"]
