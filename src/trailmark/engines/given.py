"""What a container is given as its environment: through its standard input, where no engine keeps or shows it."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from typing import Any

NO_PROGRAM = 127
NO_PROGRAM_SIGN = "trailmark: there is no program "
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Reads lines that begin with + until a line that is a dot, has the shell set them, and becomes the program.
_BEGIN = f"""
_trailmark_ready= _trailmark_given=
while IFS= read -r _trailmark_line; do
    case $_trailmark_line in .) _trailmark_ready=1; break ;; esac
    _trailmark_given="$_trailmark_given${{_trailmark_line#+}}
"
done
[ "$_trailmark_ready" ] || exit 125
eval "$_trailmark_given"
unset _trailmark_ready _trailmark_given _trailmark_line
command -v "$1" >/dev/null 2>&1 || {{ printf '{NO_PROGRAM_SIGN}%s\\n' "$1" >&2; exit {NO_PROGRAM}; }}
exec "$@" </dev/null
"""
# The part of a container's configuration that has it wait for its environment.
AWAITING: Mapping[str, object] = {
    "Entrypoint": ["/bin/sh", "-c", _BEGIN, "trailmark"],
    "OpenStdin": True,
    "StdinOnce": True,
    "AttachStdin": True,
}


def give(line: Any, env: Mapping[str, str]) -> None:
    """Send an environment to a container that awaits it; what no shell can name is left out."""
    connection: socket.socket = getattr(line, "_sock", line)
    connection.sendall(_exports(env))


def _exports(env: Mapping[str, str]) -> bytes:
    exports = (f"export {name}={_quoted(value)}" for name, value in env.items() if _VARIABLE.fullmatch(name))
    lines = [f"+{line}" for export in exports for line in export.split("\n")]
    return os.fsencode("\n".join([*lines, ".", ""]))


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"
