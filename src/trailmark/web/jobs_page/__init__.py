"""The tray of background jobs, and one job in full with its log."""

from trailmark.web.jobs_page.route import router

__all__ = ["router"]
