"""The web apps of a project: `[[apps]]` in `trailmark.toml`, read strictly (pure).

An app is started in the project's environment and listens where it is told, on this machine alone.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trailmark.errors import InvalidInput
from trailmark.projects.manifest import FILE_NAME

KINDS = ("streamlit", "dash", "voila", "shiny", "custom")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,39}")
_HEALTH = re.compile(r"/?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
_FIELDS = {"name", "kind", "title", "file", "command", "health", "patience"}
_HEALTHS = {"streamlit": "_stcore/health"}
_MOST = 50
_LONGEST_PATIENCE = 3600


@dataclass(frozen=True)
class App:
    """One app. `command` holds {port}, or {socket}, where it is told to listen.

    `health` answers well once it is ready; where it is empty, any answer will do. `patience` is for how many seconds
    it is waited for, if not as long as usual.
    """

    name: str
    kind: str
    title: str
    command: tuple[str, ...]
    health: str = ""
    patience: float | None = None


def read_apps(value: object) -> tuple[App, ...]:
    """Read the apps of a manifest. Raises InvalidInput that names the app and the field which is wrong."""
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        raise InvalidInput(f"“apps” in {FILE_NAME} must be a list of tables: write [[apps]] before each.")
    if len(value) > _MOST:
        raise InvalidInput(f"“apps” in {FILE_NAME} must be at most {_MOST}.")
    apps = tuple(_app(table, number) for number, table in enumerate(value, start=1))
    names = [app.name for app in apps]
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(f"Two apps in {FILE_NAME} are called “{name}”. Give one of them another name.")
    return apps


def _app(table: Mapping[str, Any], number: int) -> App:
    where = f"apps {number}"
    name = _text(table, "name", where)
    if not _NAME.fullmatch(name):
        raise _wrong("name", "be letters, digits, spaces, dots, dashes or underscores, at most 40", where)
    where = f"apps “{name}”"
    unknown = sorted(table.keys() - _FIELDS)
    if unknown:
        raise _wrong(unknown[0][:60], "not be there: no app has it", where)
    kind = _text(table, "kind", where, "custom")
    if kind not in KINDS:
        raise _wrong("kind", f"be one of {', '.join(KINDS)}", where)
    health = _text(table, "health", where, _HEALTHS.get(kind, ""))
    if not _HEALTH.fullmatch(health):
        raise _wrong("health", "be a path, such as “/health”", where)
    title = " ".join(_text(table, "title", where, name).split())[:80] or name
    return App(name, kind, title, _command(table, kind, where), health.lstrip("/"), _patience(table, where))


def _patience(table: Mapping[str, Any], where: str) -> float | None:
    found = table.get("patience")
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 1 <= found <= _LONGEST_PATIENCE:
        raise _wrong("patience", f"be a number of seconds from 1 to {_LONGEST_PATIENCE}", where)
    return float(found)


def _command(table: Mapping[str, Any], kind: str, where: str) -> tuple[str, ...]:
    """Return the command that starts an app: its own, or the usual one of its kind for its file."""
    if "command" in table:
        if "file" in table:
            raise _wrong("file", "not be there beside “command”: the command names it", where)
        command = _words(table["command"], where)
        if not any(place in word for word in command for place in ("{port}", "{socket}")) and kind != "dash":
            raise _wrong("command", "say where to listen: write {port} where the number belongs", where)
        return command
    if kind == "custom":
        raise _wrong("command", "be there: a custom app is started by it", where)
    return _usual(kind, _file(table, where))


def _usual(kind: str, file: str) -> tuple[str, ...]:
    python = ("python", "-m")
    if kind == "streamlit":
        return (
            *python, "streamlit", "run", file, "--server.port={port}", "--server.address=127.0.0.1",
            "--server.headless=true", "--browser.gatherUsageStats=false",
        )  # fmt: skip
    if kind == "voila":
        return (*python, "voila", file, "--no-browser", "--port={port}", "--Voila.ip=127.0.0.1")
    if kind == "dash":
        return ("python", file)
    if file.lower().endswith(".r") or not file.lower().endswith(".py"):
        run = "a <- commandArgs(TRUE); shiny::runApp(a[1], as.integer(a[2]), launch.browser = FALSE)"
        return ("Rscript", "-e", run, file, "{port}")
    return (*python, "shiny", "run", file, "--host=127.0.0.1", "--port={port}")


def _file(table: Mapping[str, Any], where: str) -> str:
    file = _text(table, "file", where)
    if file.startswith(("/", "-")) or ".." in file.split("/"):
        raise _wrong("file", "be a file of the project, such as “code/app.py”", where)
    return file


def _words(value: object, where: str) -> tuple[str, ...]:
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise _wrong("command", f"be a command: {error}", where) from error
    elif isinstance(value, list) and all(isinstance(word, str) for word in value):
        words = value
    else:
        raise _wrong("command", "be a text or a list of texts", where)
    if not words or not words[0] or any("\0" in word or len(word) > 4000 for word in words):
        raise _wrong("command", "name a program", where)
    return tuple(words)


def _text(table: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    found = table.get(key, default)
    if not isinstance(found, str) or not (found or default == ""):
        raise _wrong(key, "be a text that is not empty", where)
    if "\0" in found or len(found) > 4000:
        raise _wrong(key, "be a short text", where)
    return found


def _wrong(key: str, must: str, where: str) -> InvalidInput:
    return InvalidInput(f"“{key}” of {where} in {FILE_NAME} must {must}.")
