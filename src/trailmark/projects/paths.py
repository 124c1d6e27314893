"""Which paths a file may be given: those that every system and git host can hold."""

from __future__ import annotations

import unicodedata

from trailmark.errors import InvalidInput
from trailmark.git import present
from trailmark.projects.names import RESERVED

_FORBIDDEN = frozenset('<>:"|?*\\')
_LONGEST_NAME = 255
_LONGEST_PATH = 1000


def check_new_path(path: str) -> str:
    """Return a path, relative to the project, that a file may be given. Raises InvalidInput that says why not."""
    parts = path.split("/")
    if path.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise InvalidInput(
            f"“{path}” is no path inside the project. Write it without a leading “/”, “.” or “..”: "
            "for example input/data.csv."
        )
    for part in parts:
        reason = _fault(part)
        if reason:
            raise InvalidInput(
                f"A file or folder cannot be called “{_shown(part)}”: {reason}. Nothing was changed."
            )
    if len(path.encode("utf-8", "surrogatepass")) > _LONGEST_PATH:
        raise InvalidInput(f"The path is longer than {_LONGEST_PATH} bytes. Nothing was changed.")
    return path


def _fault(part: str) -> str | None:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in part):
        return "it holds characters that cannot be shown"
    found = sorted(_FORBIDDEN & set(part))
    if found:
        return f"Windows and some drives do not take {' '.join(found)}"
    if part != part.strip(" ") or part.endswith("."):
        return "Windows takes no name that begins or ends with a space, or ends with a dot"
    if part.split(".", maxsplit=1)[0].casefold() in RESERVED:
        return "Windows keeps that name for a device"
    if present.is_git_name(part) or present.is_temporary(part):
        return "that name is needed for the project's history"
    if len(part.encode()) > _LONGEST_NAME:
        return f"it is longer than {_LONGEST_NAME} bytes"
    return None


def _shown(part: str) -> str:
    text = part if len(part) <= 60 else f"{part[:59]}…"
    return "".join(character if character.isprintable() else "�" for character in text)
