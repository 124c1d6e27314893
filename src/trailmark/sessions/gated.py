"""What the gate of a session is told, and the files of its tool: the same outside and inside of a container."""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trailmark.durable import write_below, write_file
from trailmark.projects.project import Project
from trailmark.sessions.hosts import hosts_of
from trailmark.sessions.session import Session, folder_of
from trailmark.sessions.tools.model import Tool, fill
from trailmark.sessions.tools.quoting import fill_file
from trailmark_capture.loopback import ADDRESS

MODULE = "trailmark_capture.gate"
_TOKEN = "TRAILMARK_GATE_TOKEN"


@dataclass(frozen=True)
class Surroundings:
    """Where a tool runs: how its program is called there, and which Python and folder hold our capture.

    `data` is what the tool keeps for the person; `listen` the address at which the gate must listen. `shared` is a
    folder above `data` that sessions in containers write to: what lies there may be anything.
    """

    program: str | None
    python: Path
    capture: Path
    data: Path
    listen: str
    user: str
    shared: Path | None = None


def surroundings_here(project: Project, tool: Tool, program: str | None, python: Path) -> Surroundings:
    """Return what is so on this machine."""
    data = project.settings.home / "tools" / f"{tool.id}-data"
    capture = Path(__file__).parents[2]
    return Surroundings(program, python, capture, data, ADDRESS, getpass.getuser())


def write_gate(project: Project, session: Session, tool: Tool, around: Surroundings) -> Path:
    """Write the tool's own files and what the gate is told; return the file that its module is started with."""
    values = _values(project, session, around)
    for name, text in tool.files.items():
        _write_own(Path(fill(name, values)), fill_file(name, text.lstrip("\n"), values), around.shared)
    order = {
        "port": session.port,
        "listen": around.listen,
        "hosts": hosts_of(session.id),
        "name": tool.title,
        "page": tool.page,
        "argv": _argv(tool, values),
        "env": sorted(tool.env),
        "cwd": str(project.path),
        "capture": tool.capture,
    }
    file = folder_of(project.settings, session.id) / "gate.json"
    write_file(file, json.dumps(order, indent=1).encode())
    return file


def _argv(tool: Tool, values: Mapping[str, str]) -> list[str]:
    """Return a tool's command. That of a project's own app speaks only of where to listen, which the gate knows."""
    return list(tool.command) if tool.capture == "run" else [fill(word, values) for word in tool.command]


def gate_variables(project: Project, session: Session, tool: Tool, around: Surroundings) -> Mapping[str, str]:
    """Return the variables that the gate needs besides those of the person's programs."""
    values = _values(project, session, around)
    return {**{name: fill(value, values) for name, value in tool.env.items()}, _TOKEN: session.token}


def _values(project: Project, session: Session, around: Surroundings) -> dict[str, str]:
    values = {
        "project": str(project.path),
        "name": project.name,
        "session": str(folder_of(project.settings, session.id)),
        "data": str(around.data),
        "python": str(around.python),
        "capture": str(around.capture),
        "user": around.user,
    }
    if around.program is not None:
        values |= {"program": around.program, "beside": str(Path(around.program).resolve().parent)}
    return values


def _write_own(path: Path, text: str, shared: Path | None) -> None:
    """Write a file of a tool, for the person alone; one that begins as a script can be run.

    In the shared folder no link is followed: it may lead to the person's own files.
    """
    mode = 0o700 if text.startswith("#!") else 0o600
    if shared is not None and path.is_relative_to(shared):
        shared.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_below(shared, path.relative_to(shared).as_posix(), text.encode(), mode=mode)
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_file(path, text.encode(), mode=mode)
