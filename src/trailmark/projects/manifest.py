"""`trailmark.toml`: what a project asks for, read strictly and edited without losing a person's comments."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from trailmark.environments.managers.model import Wanted
from trailmark.errors import InvalidInput
from trailmark.projects.manifest_environment import (
    VARIABLE,
    Resources,
    read_base,
    read_others,
    read_resources,
    read_secret_files,
    require_known,
)

FILE_NAME = "trailmark.toml"
PYTHON = ">=3.11"
# Git reads a file into memory whole, and so do we.
_MOST_FILE_BYTES = 2_000_000_000
_PLACES: Mapping[str, tuple[str, ...]] = {
    "base": ("environment", "base"),
    "python": ("environment", "python"),
    "packages": ("environment", "packages"),
    **{f"{name}_packages": ("environment", name, "packages") for name in ("conda", "apt", "r")},
    **{f"{name}_channels": ("environment", name, "channels") for name in ("conda", "apt", "r")},
    **{f"{name}_snapshot": ("environment", name, "snapshot") for name in ("apt", "r")},
    **{name: ("environment", "resources", name) for name in ("cpus", "memory", "shared_memory", "gpu")},
    "max_file_bytes": ("files", "max_bytes"),
}
Fact = str | int | float | bool | tuple[str, ...] | None


@dataclass(frozen=True)
class Manifest:
    """The facts of `trailmark.toml`; what it does not say has a default."""

    name: str
    description: str = ""
    python: str = PYTHON
    packages: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    secret_files: Mapping[str, str] = field(default_factory=dict)
    max_file_bytes: int | None = None
    base: str | None = None
    others: Mapping[str, Wanted] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    extra: Mapping[str, Any] = field(default_factory=dict)


@functools.lru_cache(maxsize=16)
def parse_manifest(text: str, *, default_name: str) -> Manifest:
    """Read a manifest. Raises InvalidInput that names the line or the field which is wrong."""
    try:
        value = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInput(f"{FILE_NAME} is not valid TOML: {error}.") from error
    environment = _table(value, "environment")
    require_known(environment)
    files = _table(value, "files")
    return Manifest(
        name=_text(value, "name", default_name),
        description=_text(value, "description", ""),
        python=_text(environment, "python", PYTHON, "environment."),
        packages=_texts(environment, "packages", "environment."),
        secrets=_variables(_texts(value, "secrets")),
        secret_files=read_secret_files(value),
        max_file_bytes=_positive(files, "max_bytes", "files."),
        base=read_base(environment),
        others=read_others(environment),
        resources=read_resources(environment),
        extra={
            key: value[key]
            for key in value.keys() - {"name", "description", "environment", "secrets", "secret_files"}
        },
    )


def find_line(text: str, error: InvalidInput) -> int | None:
    """Return the line of a manifest with the field that an error of `parse_manifest` names first, None for none."""
    named = re.search(r"“([^”]+)”", str(error))
    if named is None:
        return None
    *above, key = map(re.escape, named[1].split("."))
    here = re.compile(rf"""\s*(?:\[+\s*)?(?:["'\w-]+\.)*["']?{key}["']?\s*[=\].]""")
    sections = re.compile(rf"""\s*\[+[^\]]*\b{above[-1]}\b""") if above else None
    lines = text.splitlines()
    first = next((n for n, line in enumerate(lines) if sections and sections.match(line)), 0)
    return next((n for n, line in enumerate(lines, start=1) if n > first and here.match(line)), None)


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
    if manifest.base:
        environment.add("base", manifest.base)
    environment.add("python", manifest.python)
    environment.add("packages", _array(manifest.packages))
    document.add("environment", environment)
    return tomlkit.dumps(document)


def edit_manifest(text: str, **facts: Fact) -> str:
    """Return the text with facts changed (`name`, `secrets`, `base`, `packages`, `conda_packages`, `memory` …).

    None takes a fact out, and a section with it that holds nothing else. Comments and layout stay as they are.
    """
    try:
        tomlkit.parse(text)
        expected = tomllib.loads(text)
    except (TOMLKitError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInput(f"{FILE_NAME} is not valid TOML: {error}. Nothing was changed.") from error
    _change(expected, facts)
    for write in (_keeping_layout, _keeping_the_rest):
        written = write(text, facts, expected)
        if written is not None and _is(written, expected):
            return written
    raise InvalidInput(
        f"{FILE_NAME} is written in a way that cannot be changed here: make [environment] one table with its parts "
        "behind it, and try again. Nothing was changed."
    )


def _keeping_layout(text: str, facts: Mapping[str, Fact], _expected: Mapping[str, Any]) -> str | None:
    try:
        document = tomlkit.parse(text)
        _change(
            document, {name: _array(one) if isinstance(one, tuple) else one for name, one in facts.items()}
        )
        return tomlkit.dumps(document)
    except (TOMLKitError, KeyError, ValueError, TypeError, AttributeError):
        return None


def _keeping_the_rest(text: str, facts: Mapping[str, Fact], expected: Mapping[str, Any]) -> str | None:
    """Write the sections of the facts anew, for those that are one line or are spread over several."""
    try:
        document = tomlkit.parse(text)
        for section in dict.fromkeys(_place_of(name)[0] for name in facts):
            if section in document:
                document.remove(section)
            if section in expected:
                document.add(section, tomlkit.item(expected[section]))
        return tomlkit.dumps(document)
    except (TOMLKitError, KeyError, ValueError, TypeError, AttributeError):
        return None


def _is(text: str, expected: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == expected
    except (tomllib.TOMLDecodeError, RecursionError):
        return False


def _change(table: Any, facts: Mapping[str, Any]) -> None:
    for name, fact in facts.items():
        if fact is None:
            _take_out(table, _place_of(name))
        else:
            _put(table, _place_of(name), list(fact) if isinstance(fact, tuple) else fact)


def _place_of(name: str) -> tuple[str, ...]:
    """Return where a fact stands; “secret_file NAME” is one of the table of secret files."""
    if name.startswith("secret_file "):
        return ("secret_files", name.removeprefix("secret_file "))
    return _PLACES.get(name, (name,))


def _put(table: Any, place: tuple[str, ...], value: Any) -> None:
    """Set what is at a place, making the tables on the way."""
    for section in place[:-1]:
        table = table.setdefault(section, {} if type(table) is dict else tomlkit.table())
        if not isinstance(table, MutableMapping):
            raise InvalidInput(f"“{section}” in {FILE_NAME} must be a table. Nothing was changed.")
    table[place[-1]] = value


def _take_out(table: Any, place: tuple[str, ...]) -> None:
    """Remove what is at a place, and the tables on the way (but the first) that are empty then."""
    first, *rest = place
    if first not in table:
        return
    if not rest:
        del table[first]
        return
    if isinstance(table[first], MutableMapping):
        _take_out(table[first], tuple(rest))
        if not table[first]:
            del table[first]


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


def _variables(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return names of secrets. Raises InvalidInput for one that no environment variable can have."""
    wrong = next((name for name in names if not VARIABLE.fullmatch(name)), None)
    if wrong is not None:
        raise InvalidInput(
            f"“secrets” in {FILE_NAME}: {wrong[:60]!a} cannot be the name of a secret, which is that of an "
            "environment variable. Use letters, digits and “_”, for example MY_KEY."
        )
    return names


def _positive(value: Mapping[str, Any], key: str, where: str) -> int | None:
    found = value.get(key)
    if found is None:
        return None
    if not isinstance(found, int) or isinstance(found, bool) or not 0 < found <= _MOST_FILE_BYTES:
        raise InvalidInput(
            f"“{where}{key}” in {FILE_NAME} must be a whole number above zero, at most {_MOST_FILE_BYTES:,}."
        )
    return found
