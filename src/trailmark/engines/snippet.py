"""A person's own fragment of a Dockerfile, checked before it becomes a part of an image (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from trailmark.errors import InvalidInput

ALLOWED = ("ARG", "ENV", "LABEL", "RUN", "SHELL", "USER", "WORKDIR")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_INSTRUCTION = re.compile(r"([A-Za-z]+)\s+(.*)", re.DOTALL)
_HEREDOC = re.compile(r"<<-?\s*[\"']?\w")
_LONGEST = 100_000


@dataclass(frozen=True)
class Snippet:
    """A fragment and the file that it stands in. It may run commands and set variables, and fetch no other image.

    Raises InvalidInput that names the line for anything else.
    """

    name: str
    text: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInput(f"“{self.name[:100]}” cannot be the name of a snippet.")
        if len(self.text) > _LONGEST:
            raise InvalidInput(f"The snippet {self.name} is longer than {_LONGEST} characters.")
        for number, line in enumerate(self.lines, 1):
            if any(ord(mark) < 32 and mark != "\t" for mark in line):
                self._refuse(number, "it holds a control character")
        for number, instruction in self._instructions():
            self._check(number, instruction)

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of the fragment."""
        return tuple(self.text.replace("\r\n", "\n").rstrip("\n").split("\n"))

    def _instructions(self) -> Iterator[tuple[int, str]]:
        """Yield each instruction, its lines joined, with the number of its first line."""
        begun, parts = 0, list[str]()
        for number, line in enumerate(self.lines, 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            begun = begun if parts else number
            parts.append(text.removesuffix("\\"))
            if not text.endswith("\\"):
                yield begun, " ".join(parts).strip()
                parts = []
        if parts:
            self._refuse(begun, "it is not finished (it ends with a backslash)")

    def _check(self, number: int, instruction: str) -> None:
        found = _INSTRUCTION.fullmatch(instruction)
        name = found.group(1).upper() if found else ""
        if found is None or name not in ALLOWED:
            self._refuse(number, f"“{instruction[:40]}” does not begin with one of {', '.join(ALLOWED)}")
        elif _HEREDOC.search(instruction):
            self._refuse(number, "text between << and a word is not understood; end lines with a backslash")
        elif name == "RUN" and found.group(2).lstrip().startswith("--"):
            self._refuse(number, "a command cannot ask for mounts, networks or privileges")

    def _refuse(self, number: int, why: str) -> None:
        raise InvalidInput(
            f"Line {number} of the snippet {self.name} cannot be used: {why}. Nothing was changed."
        )
