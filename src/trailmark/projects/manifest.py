"""`trailmark.toml`: what a project asks for, read strictly and edited without losing a person's comments."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from trailmark.errors import InvalidInput

FILE_NAME = "trailmark.toml"
PYTHON = ">=3.11"
# Git reads a file into memory whole, and so do we.
_MOST_FILE_BYTES = 2_000_000_000
_SECTIONS = {
    "python": ("environment", "python"),
    "packages": ("environment", "packages"),
    "max_file_bytes": ("files", "max_bytes"),
}


@dataclass(frozen=True)
class Manifest:
    """The facts of `trailmark.toml`; what it does not say has a default."""

    name: str
    description: str = ""
    python: str = PYTHON
    packages: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    max_file_bytes: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def parse_manifest(text: str, *, default_name: str) -> Manifest:
    """Read a manifest. Raises InvalidInput that names the line or the field which is wrong."""
    try:
        value = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInput(
            f"{FILE_NAME} is not valid TOML: {error}. Nothing was changed; mend that line and try again."
        ) from error
    environment = _table(value, "environment")
    files = _table(value, "files")
    return Manifest(
        name=_text(value, "name", default_name),
        description=_text(value, "description", ""),
        python=_text(environment, "python", PYTHON, "environment."),
        packages=_texts(environment, "packages", "environment."),
        secrets=_texts(value, "secrets"),
        max_file_bytes=_positive(files, "max_bytes", "files."),
        extra={key: value[key] for key in value.keys() - {"name", "description", "environment", "secrets"}},
    )


def render_manifest(manifest: Manifest) -> str:
    """Return the text of a fresh `trailmark.toml`."""
    document = tomlkit.document()
    document.add(tomlkit.comment("What this project is and what it needs. Trailmark keeps what was resolved"))
    document.add(tomlkit.comment("from it in environment/."))
    document.add("name", tomlkit.item(manifest.name))
    document.add("description", tomlkit.item(manifest.description))
    if manifest.secrets:
        document.add("secrets", tomlkit.item(list(manifest.secrets)))
    environment = tomlkit.table()
    environment.add("python", manifest.python)
    environment.add("packages", _array(manifest.packages))
    document.add("environment", environment)
    return tomlkit.dumps(document)


def edit_manifest(text: str, **facts: str | int | tuple[str, ...]) -> str:
    """Return the text with facts (name, description, secrets, python, packages, max_file_bytes) changed.

    Comments and layout stay as they are.
    """
    try:
        document = tomlkit.parse(text)
    except (TOMLKitError, RecursionError) as error:
        raise InvalidInput(f"{FILE_NAME} is not valid TOML: {error}. Nothing was changed.") from error
    for name, fact in facts.items():
        value = _array(fact) if isinstance(fact, tuple) else tomlkit.item(fact)
        section, key = _SECTIONS.get(name, (None, name))
        if section is None:
            document[key] = value
            continue
        table = document.setdefault(section, tomlkit.table())
        if not isinstance(table, Table):
            raise InvalidInput(f"“{section}” in {FILE_NAME} must be a table. Nothing was changed.")
        table[key] = value
    return tomlkit.dumps(document)


def named(text: str, name: str) -> str:
    """Return the text with another name of the project; one that cannot be read is left as it is."""
    try:
        return edit_manifest(text, name=name)
    except InvalidInput:
        return text


def _array(values: tuple[str, ...]) -> tomlkit.items.Array:
    array = tomlkit.array()
    array.extend(values)
    return array.multiline(len(values) > 1)


def _table(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key, {})
    if not isinstance(found, dict):
        raise InvalidInput(f"“{key}” in {FILE_NAME} must be a table, not {type(found).__name__}.")
    return found


def _text(value: Mapping[str, Any], key: str, default: str, where: str = "") -> str:
    found = value.get(key, default)
    if not isinstance(found, str):
        raise InvalidInput(f"“{where}{key}” in {FILE_NAME} must be text, not {type(found).__name__}.")
    return found


def _texts(value: Mapping[str, Any], key: str, where: str = "") -> tuple[str, ...]:
    found = value.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise InvalidInput(f"“{where}{key}” in {FILE_NAME} must be a list of texts.")
    return tuple(found)


def _positive(value: Mapping[str, Any], key: str, where: str) -> int | None:
    found = value.get(key)
    if found is None:
        return None
    if not isinstance(found, int) or isinstance(found, bool) or not 0 < found <= _MOST_FILE_BYTES:
        raise InvalidInput(
            f"“{where}{key}” in {FILE_NAME} must be a whole number above zero, at most {_MOST_FILE_BYTES:,}."
        )
    return found
