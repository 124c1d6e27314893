"""Which names of refs and branches are let through: a whitelist, stricter than git's own rules."""

import re

from trailmark.errors import InvalidInput

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@-]*")
_LONGEST = 200


def check_ref_name(name: str) -> str:
    """Return a full ref name that is safe to hand to git. Raises InvalidInput."""
    if not name.startswith("refs/") or not _is_safe(name):
        raise InvalidInput(f"“{name}” cannot be the name of a git ref.")
    return name


def check_branch_name(name: str) -> str:
    """Return a branch name that git, its hosts and the file system all take. Raises InvalidInput."""
    if not _is_safe(name) or name.upper() == "HEAD" or name.startswith("refs/"):
        raise InvalidInput(
            f"“{name}” cannot be the name of a branch. Use letters, digits, “-”, “_”, “.” and “/”, "
            "starting with a letter or a digit."
        )
    return name


def _is_safe(name: str) -> bool:
    parts = name.split("/")
    return (
        0 < len(name) <= _LONGEST
        and all(
            _PART.fullmatch(part) and not part.endswith((".", ".lock")) and ".." not in part for part in parts
        )
        and "@{" not in name
    )
