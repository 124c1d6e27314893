"""Importing: a folder, a repository elsewhere or an exported file becomes a project.

Two steps, so that a person sees first what was found: `plan_import` fetches into a private folder, checks and
looks; `apply_import` makes the project. Nothing that a stranger made is run in either. With `Help`, an environment
of the work's time is proposed where the work does not say what it needs.
"""

from trailmark.projects.importing.applying import apply_import
from trailmark.projects.importing.helping import Help
from trailmark.projects.importing.planning import ImportPlan, discard_import, plan_import

__all__ = ["Help", "ImportPlan", "apply_import", "discard_import", "plan_import"]
