"""The tools that Trailmark knows, read from the files beside this one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from trailmark.errors import InvalidInput
from trailmark.sessions.tools.model import Tool
from trailmark.sessions.tools.read import parse_tool

DEFAULT = "jupyterlab"
_HERE = Path(__file__).parent


@cache
def load_tools() -> tuple[Tool, ...]:
    """Return every tool, the one that is opened by default first, the others by their titles."""
    found = [parse_tool(path.read_text(encoding="utf-8"), file=path.name) for path in _HERE.glob("*.toml")]
    return tuple(sorted(found, key=lambda tool: (tool.id != DEFAULT, tool.title)))


def find_tool(tool_id: str) -> Tool:
    """Return the tool of an id. Raises InvalidInput that names those there are."""
    for tool in load_tools():
        if tool.id == tool_id:
            return tool
    known = ", ".join(tool.id for tool in load_tools())
    raise InvalidInput(f"There is no tool “{tool_id}”. Trailmark knows: {known}.")
