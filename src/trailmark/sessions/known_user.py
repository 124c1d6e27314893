"""Who a person is inside an image, which was made without knowing them: RStudio, ssh and prompts ask for a name."""

from __future__ import annotations

import re
from pathlib import Path

from trailmark.durable import write_file
from trailmark.engines import Mount

_NAME = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
_NOBODY = 65534


def known_user(folder: Path, ids: str, name: str, home: Path) -> tuple[Mount, ...]:
    """Write into a session's folder who is known in it; return what puts that into the place of the image's own.

    `ids` are those that the session runs under, as UID:GID.
    """
    user, group = (int(number) for number in ids.split(":"))
    files = {"passwd": render_users(user, group, name, home), "group": render_groups(group, name)}
    mounts = []
    for file, text in files.items():
        write_file(folder / file, text.encode(), mode=0o644)
        mounts.append(Mount(folder / file, Path("/etc") / file, read_only=True))
    return tuple(mounts)


def render_users(user: int, group: int, name: str, home: Path) -> str:
    """Return the users there are: root, nobody, and the person by name, also where they are root (pure)."""
    lines = ["root:x:0:0:root:/root:/bin/bash"]
    if _is_free(name) and ":" not in str(home) and "\n" not in str(home):
        lines.append(f"{name}:x:{user}:{group}::{home}:/bin/bash")
    lines.append(f"nobody:x:{_NOBODY}:{_NOBODY}:nobody:/nonexistent:/usr/sbin/nologin")
    return "\n".join(lines) + "\n"


def render_groups(group: int, name: str) -> str:
    """Return the groups there are: root's, nobody's, and the person's (pure)."""
    lines = ["root:x:0:"]
    if group not in (0, _NOBODY) and _is_free(name):
        lines.append(f"{name}:x:{group}:")
    lines.append(f"nogroup:x:{_NOBODY}:")
    return "\n".join(lines) + "\n"


def _is_free(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name not in ("root", "nobody", "nogroup")
