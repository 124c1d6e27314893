"""What was asked for when an environment was locked: kept beside the lock, so that every later change is seen."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import tomlkit
from packaging.utils import canonicalize_name

from trailmark.environments.managers.model import Wanted, damaged
from trailmark.environments.model import parse_requirement
from trailmark.errors import Damaged, InvalidInput

FILE_NAME = "asked.toml"
_HEAD = (
    "What was asked for when this environment was locked. Trailmark compares it with what is",
    "asked for now.",
)
_LISTS = ("requirements", "channels")
_TEXTS = ("snapshot", "runtime")


@dataclass(frozen=True)
class Asked:
    """A request as it was resolved: of each manager, pip too, with what a base brings.

    A manager of which it is not known is left out. `base` is the digest of the base's content, `snippets` has the
    digest of each.
    """

    python: str
    parts: Mapping[str, Wanted] = field(default_factory=dict, hash=False)
    base: str | None = None
    snippets: Mapping[str, str] = field(default_factory=dict, hash=False)

    def answers(self, manager: str, wanted: Wanted) -> bool | None:
        """Whether just that was asked of a manager; None when it is not known."""
        then = self.parts.get(manager)
        return None if then is None else then == plain(manager, wanted)


def plain(manager: str, wanted: Wanted) -> Wanted:
    """Return what is asked of a manager without what makes no difference: order and blanks."""
    normal = _normal if manager == "pip" else _unspaced
    return Wanted(
        tuple(sorted(map(normal, wanted.requirements))), wanted.channels, wanted.snapshot, wanted.runtime
    )


def texts_by_name(manager: str, requirements: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the lines of each package, by its name as far as that can be told without asking the manager."""
    found: dict[str, tuple[str, ...]] = {}
    for text in plain(manager, Wanted(tuple(requirements))).requirements:
        name = name_in(manager, text)
        found[name] = (*found.get(name, ()), text)
    return found


def name_in(manager: str, requirement: str) -> str:
    """Return the name that a requirement begins with, behind conda's channel."""
    if manager == "pip":
        return canonicalize_name(parse_requirement(requirement).name)
    text = requirement.strip().rpartition("::")[2]
    end = next((n for n, letter in enumerate(text) if not (letter.isalnum() or letter in "._+-")), len(text))
    return text[:end].lower()


def render_asked(asked: Asked) -> str:
    """Return the text of the file; the same request gives the same text."""
    document = tomlkit.document()
    for line in _HEAD:
        document.add(tomlkit.comment(line))
    document.add("version", tomlkit.item(1))
    document.add("python", tomlkit.item(asked.python))
    if asked.base is not None:
        document.add("base", tomlkit.item(asked.base))
    for name in sorted(asked.parts):
        table = tomlkit.table()
        for key in _LISTS:
            texts = getattr(asked.parts[name], key)
            if texts or key == "requirements":
                table.add(key, tomlkit.item(list(texts)).multiline(len(texts) > 1))
        for key in _TEXTS:
            text = getattr(asked.parts[name], key)
            if text is not None:
                table.add(key, text)
        document.add(name, table)
    if asked.snippets:
        document.add("snippets", tomlkit.item(dict(sorted(asked.snippets.items()))))
    return tomlkit.dumps(document)


def parse_asked(text: str) -> Asked:
    """Read the file. Raises Damaged that says where it is wrong."""
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise damaged(FILE_NAME, f"it is not valid TOML ({error})") from error
    if content.get("version") != 1:
        raise damaged(FILE_NAME, "it is of a version that this Trailmark does not know")
    base = content.get("base")
    if not isinstance(content.get("python"), str) or not isinstance(base, str | None):
        raise damaged(FILE_NAME, "“python” and “base” must be texts")
    managers: tuple[str, ...] = ("pip", "conda", "apt", "r")
    parts = {name: _part(name, content[name]) for name in managers if name in content}
    snippets = content.get("snippets", {})
    if not isinstance(snippets, dict) or not all(isinstance(one, str) for one in snippets.values()):
        raise damaged(FILE_NAME, "“snippets” must be a table of texts")
    return Asked(content["python"], parts, base, snippets)


def _part(name: str, table: Any) -> Wanted:
    if not isinstance(table, dict):
        raise damaged(FILE_NAME, f"“{name}” must be a table")
    lists = [table.get(key, []) for key in _LISTS]
    texts = [table.get(key) for key in _TEXTS]
    is_right = all(isinstance(one, list) and all(isinstance(text, str) for text in one) for one in lists)
    if not is_right or not all(isinstance(one, str | None) for one in texts):
        raise damaged(FILE_NAME, f"“{name}” is not as Trailmark writes it")
    try:
        return plain(name, Wanted(tuple(lists[0]), tuple(lists[1]), *texts))
    except InvalidInput as error:
        raise Damaged(str(damaged(FILE_NAME, f"“{name}”: {error}"))) from error


def _normal(requirement: str) -> str:
    return str(parse_requirement(requirement))


def _unspaced(requirement: str) -> str:
    return " ".join(requirement.split())
