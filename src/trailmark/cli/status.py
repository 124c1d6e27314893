"""`trailmark status`."""

from pathlib import Path
from typing import Any

from trailmark.cli.choose import find_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import clean, faint, fields, moment, show, strong, table
from trailmark.cli.verb import verb
from trailmark.projects.difference import look
from trailmark.projects.project import Project, manifest_problem
from trailmark.sessions.recorder import is_recording
from trailmark.sessions.stop import SessionStatus, statuses

_SHOWN = 12


@verb("status")
def command(invocation: Invocation) -> None:
    """Say what is running, and what is not yet recorded. Outside of a project, of all of them.

    Changes made by hand are recorded by the next command that writes, or soon while a session is open.

    \b
    trailmark status
    trailmark -C weather status --json
    """
    services = invocation.services
    project = find_chosen(invocation)
    running = statuses(services.settings, services.engine, project)
    value: dict[str, Any] = {"sessions": [_session(item) for item in running]}
    if project is not None:
        value = _project(project) | value
    addresses = [item.session.url_for() if item.session.has_page else "" for item in running]
    show(invocation, value, lambda: _text(value, addresses))


def _session(item: SessionStatus) -> dict[str, Any]:
    session = item.session
    return {
        "session": session.id,
        "project": Path(session.project).name,
        "path": session.project,
        "tool": session.tool,
        "status": item.status,
        "reason": item.reason,
        "url": session.url if session.has_page else None,
        "started": session.started,
    }


def _project(project: Project) -> dict[str, Any]:
    found = look(project)
    return {
        "project": project.name,
        "path": str(project.path),
        "branch": project.repository.branch(),
        "problem": manifest_problem(project),
        "recorder": is_recording(project),
        "unrecorded": sorted({*found.put, *found.removed}),
        "held_back": [
            {"path": held.path, "bytes": held.bytes, "why": held.reason} for held in found.held_back
        ],
    }


def _text(value: dict[str, Any], addresses: list[str]) -> str:
    parts = []
    if "project" in value:
        parts.append(
            fields(
                {
                    "project": strong(value["project"]),
                    "folder": value["path"],
                    "branch": value["branch"] or "none (detached)",
                    "problem": clean(value["problem"] or ""),
                    "recorder": "at work" if value["recorder"] else "asleep: nothing is running",
                    "not recorded yet": _few(value["unrecorded"]),
                    "not held by git": _few([each["path"] for each in value["held_back"]]),
                }
            )
        )
    parts.append(_sessions(value["sessions"], addresses))
    return "\n\n".join(parts)


def _sessions(sessions: list[dict[str, Any]], addresses: list[str]) -> str:
    if not sessions:
        return "Nothing is running."
    rows = [
        (strong(each["project"]), each["tool"], each["status"], faint(moment(each["started"])), address)
        for each, address in zip(sessions, addresses, strict=True)
    ]
    return table(rows)


def _few(paths: list[str]) -> str:
    more = len(paths) - _SHOWN
    return ", ".join(paths[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
