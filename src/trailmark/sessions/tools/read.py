"""Reading the description of a tool, strictly: what is not understood is refused, never ignored."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

from trailmark.errors import InvalidInput
from trailmark.sessions.tools.model import PLACEHOLDERS, Capture, Layer, Server, Tool, placeholders

_ID = re.compile(r"[a-z][a-z0-9-]{0,31}")
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
_OPTION = re.compile(r"--[a-z][a-z0-9-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TEXTS = {"id", "title", "summary", "icon", "server", "capture", "health"}
_OPTIONAL = {"page", "program", "install"}
_LISTS = {"places", "understands", "command"}
_TABLES = {"files", "env"}
_LAYER = {"apt", "build", "run", "download"}
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,99}")
_LONGEST = 20_000


def parse_tool(text: str, *, file: str) -> Tool:
    """Read one tool. Raises InvalidInput that names the file and the field that is wrong."""
    try:
        value = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInput(f"{file} is not valid TOML: {error}.") from error
    _refuse_unknown(value, _TEXTS | _OPTIONAL | _LISTS | _TABLES | {"layer"}, file)
    texts = {name: _text(value, name, file) for name in sorted(_TEXTS)}
    tool = Tool(
        id=_matching(texts["id"], _ID, "id", file),
        title=texts["title"],
        summary=texts["summary"],
        icon=_matching(texts["icon"], _ID, "icon", file),
        server=cast("Server", _one_of(texts["server"], ("jupyter", "gate"), "server", file)),
        capture=cast("Capture", _one_of(texts["capture"], ("jupyter", "shell", "r"), "capture", file)),
        health=_matching(texts["health"], _PATH, "health", file),
        page=_matching(_text(value, "page", file, ""), _PATH, "page", file),
        program=_text(value, "program", file, "") or None,
        places=_list(value, "places", file),
        understands=tuple(
            _matching(word, _OPTION, "understands", file) for word in _list(value, "understands", file)
        ),
        command=_list(value, "command", file),
        files=_texts(value, "files", file),
        env=_texts(value, "env", file),
        install=_text(value, "install", file, ""),
        layer=_layer(value, file),
    )
    _check(tool, file)
    return tool


def _layer(value: Mapping[str, Any], file: str) -> Layer:
    table = value.get("layer", {})
    if not isinstance(table, dict):
        raise _wrong("layer", "be a table", file)
    _refuse_unknown(table, _LAYER, file, "layer.")
    download = _text(table, "download", file, "") or None
    packages = {
        name: tuple(_matching(word, _PACKAGE, f"layer.{name}", file) for word in _list(table, name, file))
        for name in ("apt", "build")
    }
    run = _list(table, "run", file)
    if any("\n" in line for line in run):
        raise _wrong("layer.run", "be lines: write a text for each", file)
    if run and not any("{tools}" in line for line in run):
        raise _wrong("layer.run", "fill the folder {tools}: nothing else of it is kept", file)
    return Layer(packages["apt"], packages["build"], run, download)


def _check(tool: Tool, file: str) -> None:
    """Check what fields mean together."""
    if tool.server == "jupyter" and (tool.command or tool.program):
        raise _wrong("command", "not be there: Jupyter's server is started by Trailmark", file)
    if tool.server == "gate" and not (tool.command and tool.program):
        raise _wrong("command", "be there, and “program”: the gate starts it", file)
    used = {name for text in (*tool.command, *tool.files, *tool.files.values(), *tool.env.values())
            for name in placeholders(text)}  # fmt: skip
    unknown = sorted(used - PLACEHOLDERS)
    if unknown:
        raise _wrong("command", f"speak of nothing unknown, but names {{{unknown[0]}}}", file)
    if tool.server == "gate" and not used & {"socket", "port"}:
        raise _wrong("command", "say where to listen: {socket}, or {port}", file)
    for name in tool.files:
        if ".." in name.split("/") or not re.match(r"\{(?:session|data)\}/", name):
            raise _wrong(f"files.{name}", "lie below {session}/ or {data}/", file)
    for name in tool.env:
        _matching(name, _VARIABLE, f"env.{name}", file)


def _refuse_unknown(value: Mapping[str, Any], known: set[str], file: str, where: str = "") -> None:
    unknown = sorted(value.keys() - known)
    if unknown:
        raise _wrong(where + unknown[0][:60], "not be there: no tool has it", file)


def _text(value: Mapping[str, Any], key: str, file: str, default: str | None = None) -> str:
    found = value.get(key, default)
    if not isinstance(found, str) or (default is None and not found.strip()):
        raise _wrong(key, "be a text that is not empty", file)
    return _plain(found, key, file)


def _texts(value: Mapping[str, Any], key: str, file: str) -> Mapping[str, str]:
    table = value.get(key, {})
    if not isinstance(table, dict) or not all(isinstance(text, str) for text in table.values()):
        raise _wrong(key, "be a table of texts", file)
    return MappingProxyType(
        {_plain(name, key, file): _plain(text, key, file) for name, text in table.items()}
    )


def _list(value: Mapping[str, Any], key: str, file: str) -> tuple[str, ...]:
    found = value.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise _wrong(key, "be a list of texts", file)
    return tuple(_plain(item, key, file) for item in found)


def _plain(text: str, key: str, file: str) -> str:
    if "\0" in text or len(text) > _LONGEST:
        raise _wrong(key, f"be at most {_LONGEST} characters without null ones", file)
    return text


def _matching(text: str, pattern: re.Pattern[str], key: str, file: str) -> str:
    if not pattern.fullmatch(text):
        raise _wrong(key, f"not be “{text[:60]}”", file)
    return text


def _one_of(text: str, allowed: tuple[str, ...], key: str, file: str) -> str:
    if text not in allowed:
        raise _wrong(key, f"be {' or '.join(allowed)}, not “{text[:60]}”", file)
    return text


def _wrong(key: str, must: str, file: str) -> InvalidInput:
    return InvalidInput(f"“{key}” in {file} must {must}.")
