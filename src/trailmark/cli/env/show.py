"""`trailmark env show`."""

from dataclasses import asdict
from typing import Any

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import faint, show, strong, table
from trailmark.cli.verb import verb
from trailmark.environments.realise import find_realised
from trailmark.environments.status import PackageLine, describe
from trailmark.projects.packages import current_lock, request_of
from trailmark.projects.project import Project


@verb("show")
def command(invocation: Invocation) -> None:
    """List what was asked for, what was resolved and what is installed.

    \b
    trailmark env show
    trailmark env show --json
    """
    value, lines = describe_environment(open_chosen(invocation))
    show(invocation, value, lambda: _text(value, lines))


def describe_environment(project: Project) -> tuple[dict[str, Any], tuple[PackageLine, ...]]:
    """Return an environment as data, and its packages line by line."""
    request, lock = request_of(project), current_lock(project)
    realised = find_realised(lock.digest, project.settings.home) if lock else None
    lines = describe(request, lock, installed=realised is not None)
    value = {
        "python": request.python,
        "packages": list(request.packages),
        "lock": lock.digest if lock else None,
        "path": str(realised.path) if realised else None,
        "lines": [asdict(line) for line in lines],
    }
    return value, lines


_WORDS = {
    "requested": "not resolved yet: trailmark env lock",
    "stale": "asked for otherwise since: trailmark env lock",
    "elsewhere": "not for this machine",
    "locked": "not installed yet",
    "installed": "",
}


def _text(value: dict[str, Any], lines: tuple[PackageLine, ...]) -> str:
    asked = [line for line in lines if line.requested is not None]
    others = [f"{line.name} {line.version or ''}".strip() for line in lines if line.requested is None]
    rows = [
        (strong(line.name), line.version or "", line.requested or "", faint(_WORDS[line.state]))
        for line in asked
    ]
    parts = [f"Python {value['python']}"]
    parts.append(
        table(rows, ("PACKAGE", "VERSION", "ASKED FOR", "")) if rows else "No package was asked for."
    )
    if others:
        parts.append(faint(f"They bring {len(others)} more: {', '.join(others)}"))
    if value["lock"]:
        state = value["path"] or "not made on this machine yet"
        parts.append(faint(f"Lock {value['lock'][:12]}, {state}"))
    return "\n\n".join(parts)
