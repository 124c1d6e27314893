"""What can be chosen about a project: its name and description, secrets, limits, copies, and its end."""

from trailmark.web.settings_page.route import router

__all__ = ["router"]
