"""Which names a project may have: those that file systems and git hosts all take."""

import re
import unicodedata

from trailmark.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LETTERS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe"}
)
RESERVED = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}


def check_project_name(name: str) -> str:
    """Return the name. Raises InvalidInput that says what a name may hold."""
    why = _why_not(name)
    if why is not None:
        raise InvalidInput(
            f"“{name}” cannot be the name of a project. {why}: for example {suggest_name(name)}."
        )
    return name


def suggest_name(text: str) -> str:
    """Return a name that is allowed and close to what was asked for."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS)).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:100].strip("-")
    if slug in RESERVED:
        return f"my-{slug}"
    return slug or "my-project"


def _why_not(name: str) -> str | None:
    """Return what is wrong with a name, and what to take instead; None for a name that is allowed."""
    if not _NAME.fullmatch(name):
        return "Use up to 100 letters (a to z), digits, “-”, “_” and “.”, starting with a letter or a digit"
    device = name.split(".", maxsplit=1)[0]
    if device.lower() in RESERVED:
        return f"Windows keeps “{device}” for a device, so nobody there could open it; choose another"
    if name.endswith((".git", ".lock")):
        return "Git keeps names that end in “.git” or “.lock” for its own files; leave the ending out"
    if name.endswith(".") or ".." in name:
        return "It may not end with a dot or hold two in a row; Windows and git do not take that"
    return None
