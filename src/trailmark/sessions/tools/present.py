"""Whether a tool is on this machine, and if not, what to do about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from trailmark.errors import CommandFailed, TrailmarkError
from trailmark.process import run
from trailmark.sessions.tools.catalogue import tools_folder
from trailmark.sessions.tools.model import Tool, fill
from trailmark.settings import Settings

_ASK_SECONDS = 20.0


@dataclass(frozen=True)
class Presence:
    """Whether a tool can be started here: the program's path, or the reason why not and how to get it."""

    program: str | None
    reason: str | None = None
    install: str = ""

    @property
    def is_there(self) -> bool:
        """Whether it can be started."""
        return self.reason is None


def look_for(tool: Tool, settings: Settings, environ: Mapping[str, str]) -> Presence:
    """Look for a tool on this machine. What a program says of itself is asked once, unless it fails or changes."""
    if tool.program is None:
        return Presence(None)
    values = {"tools": str(tools_folder(settings)), "home": environ.get("HOME", "")}
    install = fill(tool.install, values)
    places = [fill(place, values) for place in tool.places]
    search = [folder for folder in (*places, *environ.get("PATH", "").split(":")) if folder]
    program = shutil.which(tool.program, path=":".join(search))
    if program is None:
        return Presence(None, f"{tool.program} is not on this machine.", install)
    said = _said(program) if tool.understands else ""
    lacking = [option for option in tool.understands if option not in said]
    if lacking:
        reason = f"{program} is too old or does not start: it does not know {lacking[0]}."
        return Presence(None, reason, install)
    return Presence(program)


def _said(program: str) -> str:
    try:
        facts = os.stat(program)
        return _help_of(program, (facts.st_ino, facts.st_mtime_ns, facts.st_size))
    except CommandFailed as error:
        return error.output
    except (TrailmarkError, OSError):
        return ""


@lru_cache(maxsize=16)
def _help_of(program: str, stamp: tuple[int, ...]) -> str:
    """Return what a program says of its options, while it is the same. Raises CommandFailed with what it said."""
    done = run([program, "--help"], timeout=_ASK_SECONDS)
    if done.code:
        raise CommandFailed(
            f"{program} ended with {done.code}.", output=done.stdout + done.stderr, code=done.code
        )
    return done.stdout + done.stderr
