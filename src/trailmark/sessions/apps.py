"""What can be launched in a project: the tools that Trailmark knows, and the project's own web apps."""

from __future__ import annotations

from types import MappingProxyType

from trailmark.errors import InvalidInput
from trailmark.projects.apps import App, read_apps
from trailmark.projects.project import Project
from trailmark.sessions.tools import Tool, find_tool

PREFIX = "app:"
# Many servers look there for where to listen: Dash is one.
_ENVIRONMENT = MappingProxyType({"PORT": "{port}", "HOST": "127.0.0.1"})


def apps_of(project: Project) -> tuple[App, ...]:
    """Return the apps that a project names. Raises InvalidInput when its manifest cannot be understood."""
    return read_apps(project.manifest().extra.get("apps", []))


def tool_of(app: App) -> Tool:
    """Return an app as a tool: behind the gate, recorded as one command (pure)."""
    return Tool(
        id=PREFIX + app.name,
        title=app.title,
        summary=f"A {app.kind} app of this project.",
        icon="app",
        server="gate",
        capture="run",
        health=app.health,
        command=app.command,
        patience=app.patience,
        env=_ENVIRONMENT,
    )


def find_choice(project: Project, name: str) -> Tool:
    """Return the tool of an id, or the project's app of `app:NAME`. Raises InvalidInput."""
    if not name.startswith(PREFIX):
        return find_tool(name, project.settings)
    apps = apps_of(project)
    for app in apps:
        if app.name == name.removeprefix(PREFIX):
            return tool_of(app)
    known = ", ".join(app.name for app in apps) or "none; name one in trailmark.toml under [[apps]]"
    raise InvalidInput(f"{project.name} has no app “{name.removeprefix(PREFIX)}”. Its apps: {known}.")
