"""Snippets: pieces of a Dockerfile that a project adds to its environment, checked before they are taken up: pure.

Only RUN and ENV are let through. Everything else would bring in what no lock covers (COPY, ADD, FROM) or change how
Trailmark runs, watches and confines a session (USER, ENTRYPOINT, VOLUME …).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from trailmark.engines.recipe import CacheMount, Instruction
from trailmark.errors import InvalidInput

FOLDER = "environment/snippets"
ENDING = ".dockerfile"
_NAME = re.compile(r"[0-9]{2}-[a-z0-9][a-z0-9-]{0,59}")
LONGEST = 50_000
_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)(?:\s+(.*))?\Z", re.DOTALL)
_FLAG = re.compile(r"(--\S*)(?:\s+|\Z)")
_MOUNT = "--mount="
# Nothing that an engine would take out of quotes, put in for a variable, or read in small letters.
_FIELD = re.compile(r"(type|target|sharing|mode)=([A-Za-z0-9._/-]+)")
_VARIABLE = re.compile(
    r"([A-Za-z_][A-Za-z0-9_]*)=(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|(?:[^\s\"'\\]|\\.)*)(?:\s+|\Z)"
)
_DIRECTIVE = re.compile(r"\s*#\s*(syntax|escape|check)\s*=", re.IGNORECASE)
_HEREDOC = re.compile(r"<<-?\s*[\"']?[A-Za-z_]|(?:^|[\s;|&(])[0-9]*<<(?!<)")
_CAPTURED = ("LD_PRELOAD", "LD_AUDIT")


@dataclass(frozen=True)
class Snippet:
    """One checked piece. The name (10-fonts) says in which order pieces are carried out."""

    name: str
    text: str

    @property
    def path(self) -> str:
        """Where it lies in the project."""
        return f"{FOLDER}/{self.name}{ENDING}"

    @property
    def digest(self) -> str:
        """The SHA-256 of its text."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """What is carried out, as an image's recipe has it."""
        return tuple(_check(self.name, *each) for each in _instructions(self.name, self.text))


def parse_snippet(name: str, text: str) -> Snippet:
    """Return the snippet when it may be used. Raises InvalidInput that names the line and the reason."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"“{name[:60]}” cannot be the name of a snippet. Write two digits, “-” and small letters, "
            "such as “10-fonts”; the digits say in which order snippets are carried out."
        )
    if len(text) > LONGEST:
        raise InvalidInput(f"The snippet {name} is longer than {LONGEST:,} characters.")
    text = text.replace("\r\n", "\n")
    text = text if text.endswith("\n") or not text else f"{text}\n"
    snippet = Snippet(name, text)
    if not snippet.instructions:
        raise InvalidInput(f"The snippet {name} does nothing: write at least one RUN or ENV.")
    return snippet


def name_of_path(path: str) -> str | None:
    """Return the name of the snippet that a path of a project is, None when it is none."""
    folder, _, file = path.rpartition("/")
    return file.removesuffix(ENDING) if folder == FOLDER and file.endswith(ENDING) else None


def _instructions(name: str, text: str) -> Iterator[tuple[int, str]]:
    """Yield each instruction with the number of its first line; lines that end with “\\” go on."""
    parts: list[str] = []
    begun = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not parts and _DIRECTIVE.match(line):
            raise _refused(name, number, "“# syntax”, “# escape” and “# check” would change how it is read")
        if "\0" in line or (line and not line.replace("\t", " ").isprintable()):
            raise _refused(name, number, "it holds characters that cannot be shown")
        if line.lstrip().startswith("#") or not line.strip():
            continue
        begun = begun if parts else number
        stripped = line.rstrip()
        parts.append(stripped.removesuffix("\\"))
        if not stripped.endswith("\\"):
            # As engines join them: nothing comes between.
            yield begun, "".join(parts)
            parts = []
    if parts:
        raise _refused(name, begun, "its last line ends with “\\”, so it goes on with nothing")


def _check(name: str, number: int, words: str) -> Instruction:
    """Return an instruction that may be used. Raises InvalidInput."""
    match = _INSTRUCTION.match(words)
    instruction = match[1].upper() if match else ""
    arguments = (match[2] or "").strip() if match else ""
    if instruction not in ("RUN", "ENV"):
        shown = instruction or words.strip()[:20]
        raise _refused(name, number, f"only RUN and ENV are let through, not “{shown}”")
    if not arguments:
        raise _refused(name, number, f"{instruction} has nothing behind it")
    if instruction == "RUN":
        return _run(name, number, arguments)
    _check_env(name, number, arguments)
    return Instruction(instruction, arguments)


def _run(name: str, number: int, arguments: str) -> Instruction:
    caches = []
    while flag := _FLAG.match(arguments):
        caches.append(_cache(name, number, flag[1]))
        arguments = arguments[flag.end() :]
    if not arguments:
        raise _refused(name, number, "RUN has nothing behind it")
    if _HEREDOC.search(arguments):
        raise _refused(
            name, number, "texts with “<<” are not read by every engine; use printf or a “\\” at line ends"
        )
    return Instruction("RUN", arguments, tuple(caches))


def _cache(name: str, number: int, flag: str) -> CacheMount:
    """Return the one kind of mount that depends on nothing but the snippet itself, read as strictly as can be."""
    fields = [_FIELD.fullmatch(field) for field in flag.removeprefix(_MOUNT).split(",")]
    given = {field[1]: field[2] for field in fields if field}
    if not flag.startswith(_MOUNT) or len(given) < len(fields) or given.pop("type", "") != "cache":
        raise _refused(
            name,
            number,
            "RUN takes only --mount=type=cache,target=… with sharing=… and mode=…, each once, in small letters and "
            "without quotes: all else depends on where it is built",
        )
    try:
        return CacheMount(**{"target": "", **given})
    except InvalidInput as error:
        raise _refused(name, number, str(error).rstrip(".")) from error


def _check_env(name: str, number: int, arguments: str) -> None:
    rest = arguments
    while rest:
        variable = _VARIABLE.match(rest)
        if not variable:
            raise _refused(name, number, "ENV is written NAME=value, values with blanks in quotes")
        if variable[1].startswith("TRAILMARK") or variable[1] in _CAPTURED:
            raise _refused(name, number, f"{variable[1]} is what Trailmark captures with")
        rest = rest[variable.end() :]


def _refused(name: str, number: int, reason: str) -> InvalidInput:
    return InvalidInput(f"The snippet {name} cannot be used, line {number}: {reason}. Nothing was changed.")
