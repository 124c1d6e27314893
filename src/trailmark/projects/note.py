"""Writing a note into the trail."""

from __future__ import annotations

from trailmark.activity import Action, Output, Recorded, record
from trailmark.activity.store import find_tree
from trailmark.errors import InvalidInput, NotFound
from trailmark.projects.project import Project

_LONGEST_TITLE = 100
_LONGEST_NOTE = 1_000_000


def add_note(project: Project, text: str, *, about: str | None = None, actor: str = "person") -> Recorded:
    """Record a note (Markdown), on its own or about another record. Raises InvalidInput, NotFound."""
    text = text.strip()
    if not text:
        raise InvalidInput("The note is empty; nothing was recorded.")
    if len(text) > _LONGEST_NOTE:
        raise InvalidInput("A note holds at most a million characters; put longer texts into a file.")
    if about is not None and find_tree(project.repository, about) is None:
        raise NotFound(f"There is no record {about} in this project. `trailmark log` lists them.")
    action = Action(
        "note",
        _title(text),
        actor=actor,
        tool="trailmark",
        text=text,
        outputs=(Output("text/markdown", text.encode("utf-8", "backslashreplace")),),
        detail={"about": about} if about else {},
    )
    return record(project.trail, action)


def _title(text: str) -> str:
    line = text.splitlines()[0].lstrip("# ").strip() or "Note"
    return line if len(line) <= _LONGEST_TITLE else line[: _LONGEST_TITLE - 1] + "…"
