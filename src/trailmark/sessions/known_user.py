"""Who a person is inside an image, which was made without knowing them: RStudio, ssh and prompts ask for a name."""

from __future__ import annotations

import contextlib
import io
import json
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from trailmark.durable import write_file
from trailmark.engines import Mount
from trailmark.engines.daemon import Daemon
from trailmark.engines.image_files import read_kept
from trailmark.engines.images import Image
from trailmark.engines.leftovers import digits
from trailmark.errors import CommandFailed, NotFound

_NAME = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
_USER = re.compile(r"([^:\s]+):[^:]*:\d+:\d+:[^:]*:[^:]*:[^:]*")
_GROUP = re.compile(r"([^:\s]+):[^:]*:\d+:[^:]*")
_NOBODY = 65534
_LONGEST = 1_000_000
_USERS, _GROUPS = "/etc/passwd", "/etc/group"
_ROOT = "root:x:0:0:root:/root:/bin/bash"
_NOBODYS = f"nobody:x:{_NOBODY}:{_NOBODY}:nobody:/nonexistent:/usr/sbin/nologin"


@dataclass(frozen=True)
class Known:
    """The lines by which an image itself knows users and groups."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def known_in(image: Image, daemon: Daemon, kept: Path) -> Known:
    """Return whom an image knows, which is read once and kept in a folder; nobody where it cannot be read."""
    file = kept / f"{digits(image.id)}.json"
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        stored = json.loads(file.read_bytes())
        return Known(tuple(map(str, stored["users"])), tuple(map(str, stored["groups"])))
    try:
        found = read_kept(daemon, image.reference, (_USERS, _GROUPS))
    except (CommandFailed, NotFound):
        return Known()
    known = Known(_lines(found.get(_USERS)), _lines(found.get(_GROUPS)))
    kept.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_file(file, json.dumps(asdict(known)).encode())
    return known


def _lines(archive: bytes | None) -> tuple[str, ...]:
    """Return the lines of the file in a tar archive; none of what is no file or too long to be one of these."""
    with (
        contextlib.suppress(tarfile.TarError, KeyError),
        tarfile.open(fileobj=io.BytesIO(archive or b"")) as tar,
    ):
        member = tar.next()
        stream = tar.extractfile(member) if member and member.isfile() and member.size < _LONGEST else None
        return tuple(stream.read().decode("utf-8", "replace").splitlines()) if stream else ()
    return ()


def known_user(
    folder: Path, ids: str, name: str, home: Path, known: Known | None = None
) -> tuple[Mount, ...]:
    """Write into a session's folder who is known in it; return what puts that into the place of the image's own.

    `ids` are those that the session runs under, as UID:GID; `known` are those whom the image knows, who stay.
    """
    known = known or Known()
    user, group = (int(number) for number in ids.split(":"))
    files = {
        "passwd": render_users(user, group, name, home, known.users),
        "group": render_groups(group, name, known.groups),
    }
    mounts = []
    for file, text in files.items():
        write_file(folder / file, text.encode(), mode=0o644)
        mounts.append(Mount(folder / file, Path("/etc") / file, read_only=True))
    return tuple(mounts)


def render_users(user: int, group: int, name: str, home: Path, known: Sequence[str] = ()) -> str:
    """Return the users there are: root, the person by name, also where they are root, and others (pure).

    The person comes before whoever has the same number, so that it is their name which is found.
    """
    own = _by_name(known, _USER)
    lines = {"root": own.get("root", _ROOT)}
    if _is_free(name) and ":" not in str(home) and "\n" not in str(home):
        lines[name] = f"{name}:x:{user}:{group}::{home}:/bin/bash"
    return _joined(lines, own, {"nobody": _NOBODYS})


def render_groups(group: int, name: str, known: Sequence[str] = ()) -> str:
    """Return the groups there are: root's, the person's, and others (pure)."""
    own = _by_name(known, _GROUP)
    lines = {"root": own.get("root", "root:x:0:")}
    if group not in (0, _NOBODY) and _is_free(name):
        lines[name] = f"{name}:x:{group}:"
    return _joined(lines, own, {"nogroup": f"nogroup:x:{_NOBODY}:"})


def _by_name(lines: Sequence[str], form: re.Pattern[str]) -> dict[str, str]:
    """Return the lines that have their form, the first of each name."""
    found: dict[str, str] = {}
    for line in lines:
        if match := form.fullmatch(line):
            found.setdefault(match[1], line)
    return found


def _joined(*parts: Mapping[str, str]) -> str:
    """Return the lines of all parts, of each name the first."""
    found: dict[str, str] = {}
    for part in parts:
        found = {**found, **{name: line for name, line in part.items() if name not in found}}
    return "\n".join(found.values()) + "\n"


def _is_free(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name not in ("root", "nobody", "nogroup")
