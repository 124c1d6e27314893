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
    if (
        not _NAME.fullmatch(name)
        or name.endswith((".", ".git", ".lock"))
        or ".." in name
        or name.split(".", maxsplit=1)[0].lower() in RESERVED
    ):
        raise InvalidInput(
            f"“{name}” cannot be the name of a project. Use up to 100 letters (a to z), digits, “-”, “_” and "
            f"“.”, starting with a letter or a digit: for example {suggest_name(name)}."
        )
    return name


def suggest_name(text: str) -> str:
    """Return a name that is allowed and close to what was asked for."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS)).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:100].strip("-")
    return slug if slug and slug not in RESERVED else "my-project"
