"""What a tool is: pure values, and how its words become a command (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Server = Literal["jupyter", "gate"]
Capture = Literal["jupyter", "shell", "r", "run"]
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
# What a description may speak of: where the program is and listens, and which folders and programs it is given.
PLACEHOLDERS = frozenset(
    ("program", "beside", "socket", "port", "project", "name", "session", "data", "python", "capture", "user")
)


@dataclass(frozen=True)
class Layer:
    """What an image gets for the tool, beside the project's environment.

    `run` are lines of a script that fills the folder {tools}, while the system packages in `build` are there and uv
    is at hand; only that folder is kept. `apt` are system packages that the tool needs when it runs. `download`
    names what a base fetches for the tool instead.
    """

    apt: tuple[str, ...] = ()
    build: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    download: str | None = None


@dataclass(frozen=True)
class Tool:
    """One tool.

    `page` is what a person is led to, `health` the path that answers once it is ready. `places` are folders besides
    the PATH where `program` may lie; `understands` are options that it must know to be started safely. `command`,
    `files` (path → text) and `env` may hold placeholders. A web app of a project is a tool too, whose capture is
    `run`: it is recorded as one command. `patience` is for how many seconds it is waited for, if not the usual ones.
    """

    id: str
    title: str
    summary: str
    icon: str
    server: Server
    capture: Capture
    health: str
    page: str = ""
    program: str | None = None
    places: tuple[str, ...] = ()
    understands: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    install: str = ""
    layer: Layer = Layer()
    patience: float | None = None

    @property
    def records_as(self) -> str:
        """What its records say that they were made with."""
        return "app" if self.capture == "run" else self.id


def placeholders(text: str) -> frozenset[str]:
    """Return the placeholders in a text."""
    return frozenset(PLACEHOLDER.findall(text))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its placeholders replaced; those without a value stay."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)
