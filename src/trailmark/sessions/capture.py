"""What capture is told: where the journal is, which files are the system's, how to wake the recorder."""

from __future__ import annotations

import json
import sys
import sysconfig
from pathlib import Path
from typing import Any

from trailmark.durable import write_file
from trailmark.projects.project import Project
from trailmark.projects.secrets import secrets_path
from trailmark_capture.files import EXCLUDE_VARIABLE, LOG_VARIABLE, find_shim
from trailmark_capture.files.interest import SYSTEM

_OF_A_SESSION = ("TRAILMARK_SESSION", "TRAILMARK_CAPTURE", LOG_VARIABLE, EXCLUDE_VARIABLE, "LD_PRELOAD")


def capture_config(
    project: Project,
    *,
    session: str,
    tool: str,
    environment: str | None,
    environment_path: Path | None,
    base_prefix: Path | None,
    actor: str,
) -> dict[str, Any]:
    """Return the content of `capture.json` for one session."""
    home = project.settings.home
    excluded = {
        *SYSTEM,
        sys.prefix,
        sys.base_prefix,
        sysconfig.get_paths()["purelib"],
        str(home / "environments"),
    }
    excluded |= {
        str(home / "sessions"),
        str(project.state),
        str(Path(__file__).parents[2] / "trailmark_capture"),
    }
    excluded |= {str(path) for path in (environment_path, base_prefix) if path is not None}
    return {
        "project": str(project.path),
        "journal": str(project.state / "journal"),
        "session": session,
        "tool": tool,
        "engine": "local",
        "environment": environment,
        "actor": actor,
        "files": str(project.state / "files"),
        "shell": str(project.state / "shell"),
        "shim": find_shim(),
        "exclude": sorted(excluded),
        "secrets": str(secrets_path(project)),
        "nudge": str(project.state / "recorder.sock"),
        "recorder": recorder_command(project),
        "max_output_bytes": project.settings.max_output_bytes,
    }


def write_config(folder: Path, config: dict[str, Any]) -> Path:
    """Write `capture.json` into a session's folder and return its path."""
    path = folder / "capture.json"
    write_file(path, json.dumps(config, indent=1).encode())
    return path


def recorder_command(project: Project) -> list[str]:
    """Return the command that starts the project's recorder; it ends at once when one is running.

    It names the project's state too, by which a project is found that was moved. The recorder belongs to no session,
    even when one starts it: it must outlive it, and its files are not traced.
    """
    forget = [word for name in _OF_A_SESSION for word in ("-u", name)]
    program = [sys.executable, "-m", "trailmark.cli.recorder"]
    return ["/usr/bin/env", *forget, *program, str(project.path), project.state.name]
