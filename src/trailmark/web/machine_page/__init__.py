"""What this machine can do, and what to install for more."""

from trailmark.web.machine_page.route import router

__all__ = ["router"]
