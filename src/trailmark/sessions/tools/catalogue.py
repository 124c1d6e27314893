"""The tools that a person can choose from: those beside this file, and the person's own below the Trailmark home."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from trailmark.errors import InvalidInput
from trailmark.sessions.tools.model import Tool
from trailmark.sessions.tools.read import parse_tool
from trailmark.settings import Settings

DEFAULT = "jupyterlab"
_HERE = Path(__file__).parent
_LARGEST = 100_000


def tools_folder(settings: Settings) -> Path:
    """Return where a person's own descriptions lie, and what is installed for Trailmark alone."""
    return settings.home / "tools"


def load_tools(settings: Settings) -> tuple[Tool, ...]:
    """Return every tool, the one that is opened by default first, the others by their titles.

    A person's own that cannot be understood is left out; `problems_of` says why.
    """
    own = (found for found in _read_own(settings).values() if isinstance(found, Tool))
    return tuple(sorted((*_shipped(), *own), key=lambda tool: (tool.id != DEFAULT, tool.title)))


def problems_of(settings: Settings) -> tuple[str, ...]:
    """Return why some of a person's own tools cannot be used, a sentence each."""
    return tuple(str(found) for found in _read_own(settings).values() if isinstance(found, InvalidInput))


def find_tool(tool_id: str, settings: Settings) -> Tool:
    """Return the tool of an id. Raises InvalidInput: what is wrong with its file, or which tools there are."""
    tools = load_tools(settings)
    for tool in tools:
        if tool.id == tool_id:
            return tool
    problem = _read_own(settings).get(tool_id)
    if isinstance(problem, InvalidInput):
        raise problem
    known = ", ".join(tool.id for tool in tools)
    raise InvalidInput(f"There is no tool “{tool_id}”. Trailmark knows: {known}.")


@cache
def _shipped() -> tuple[Tool, ...]:
    return tuple(
        parse_tool(path.read_text(encoding="utf-8"), file=path.name) for path in _HERE.glob("*.toml")
    )


def _read_own(settings: Settings) -> dict[str, Tool | InvalidInput]:
    """Return a person's own tools by the names of their files, or why one cannot be used."""
    return {path.stem: found for path, found in _own(settings)}


def _own(settings: Settings) -> Iterator[tuple[Path, Tool | InvalidInput]]:
    taken = {tool.id for tool in _shipped()}
    for path in sorted(tools_folder(settings).glob("*.toml")):
        try:
            tool = parse_tool(_text_of(path), file=str(path))
            if tool.id != path.stem:
                raise InvalidInput(f"“id” in {path} must be “{path.stem}”, as the file is called.")
            if tool.id in taken:
                raise InvalidInput(
                    f"“{tool.id}” is a tool that comes with Trailmark. Give {path} another name."
                )
            yield path, tool
        except InvalidInput as error:
            yield path, error


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise InvalidInput(f"{path} is too large for the description of a tool.")
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read ({error}).") from error
