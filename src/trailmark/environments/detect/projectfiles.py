"""Read where Python projects declare what they need: pyproject.toml, Pipfile, setup.cfg, setup.py."""

import ast
import configparser
import re
import tomllib
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from trailmark.environments.detect.found import Found

_NUMBERS = re.compile(r"^v?(\d{1,9}(?:\.\d{1,9}){0,5})$")


def read_pyproject(text: str, source: str = "pyproject.toml") -> Found:
    """Return what a pyproject.toml declares, in the standard way (PEP 621) or Poetry's."""
    found = Found(source)
    content = _toml(text, found)
    project = _table(content.get("project"))
    for dependency in _texts(project.get("dependencies")):
        found.want(dependency)
    if isinstance(project.get("requires-python"), str):
        found.want_python(project["requires-python"])
    if "dependencies" in _texts(project.get("dynamic")):
        found.note("its dependencies are worked out when it is built, so they are not known here")
    _note_groups(found, project.get("optional-dependencies"), content.get("dependency-groups"))
    poetry = _table(_table(content.get("tool")).get("poetry"))
    for name, wanted in _table(poetry.get("dependencies")).items():
        if name.lower() == "python":
            found.want_python(_caret(wanted) if isinstance(wanted, str) else "")
        else:
            _want_table(found, name, wanted)
    _note_groups(found, poetry.get("group"), poetry.get("dev-dependencies") and {"dev": None})
    return found


def read_pipfile(text: str, source: str = "Pipfile") -> Found:
    """Return what a Pipfile declares."""
    found = Found(source)
    content = _toml(text, found)
    for name, wanted in _table(content.get("packages")).items():
        _want_table(found, name, wanted)
    version = _table(content.get("requires")).get("python_version")
    if isinstance(version, str):
        found.want_python(f"=={version}.*")
    if content.get("dev-packages"):
        found.note("its dev-packages are not taken over")
    return found


def read_setup_cfg(text: str, source: str = "setup.cfg") -> Found:
    """Return what a setup.cfg declares."""
    found = Found(source)
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        found.note(f"it cannot be read ({str(error).splitlines()[0]})")
        return found
    for line in parser.get("options", "install_requires", fallback="").splitlines():
        if line.strip() and not line.strip().startswith("#"):
            found.want(line)
    python = parser.get("options", "python_requires", fallback="")
    if python:
        found.want_python(python)
    return found


def read_setup_py(text: str, source: str = "setup.py") -> Found:
    """Return what a setup.py declares in plain lists; it is read, not run."""
    found = Found(source)
    tree = parse_code(text)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.keyword) and node.arg in ("install_requires", "python_requires"):
            try:
                value = ast.literal_eval(node.value)
            except (ValueError, TypeError, RecursionError, MemoryError):
                found.note(f"its {node.arg} is worked out when it is run, so it is not known here")
                continue
            if node.arg == "python_requires" and isinstance(value, str):
                found.want_python(value)
            for dependency in _texts(value) if node.arg == "install_requires" else ():
                found.want(dependency)
    return found


def parse_code(text: str) -> ast.Module | None:
    """Return the syntax tree of Python code, or None when it is not valid here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _toml(text: str, found: Found) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        found.note(f"it is not valid TOML ({error})")
        return {}


def _want_table(found: Found, name: str, wanted: object) -> None:
    """Take up `name = "…"` or `name = {version = …, extras = …, git = …}` as Poetry and Pipenv write them."""
    options = {"version": wanted} if isinstance(wanted, str) else _table(wanted)
    if not options and wanted:
        found.note(f"“{name}” asks for different versions in different places; any version will be taken")
    if "path" in options or "file" in options:
        found.note(f"“{name}” is a local folder or file and is not installed")
        return
    extras = ",".join(_texts(options.get("extras")))
    text = f"{name}[{extras}]" if extras else name
    if isinstance(options.get("git"), str):
        revision = next((options[key] for key in ("rev", "ref", "tag", "branch") if options.get(key)), None)
        text += f" @ git+{options['git']}" + (f"@{revision}" if revision else "")
    elif isinstance(options.get("version"), str):
        text += _caret(options["version"])
    markers = options.get("markers")
    found.want(f"{text} ; {markers}" if isinstance(markers, str) else text)


def _caret(wanted: str) -> str:
    """Return Poetry's “^1.2”, “~1.2”, “1.2” and “*” as a standard specifier."""
    return ",".join(filter(None, (_one(part.strip()) for part in wanted.split(","))))


def _one(part: str) -> str:
    if part in ("", "*"):
        return ""
    numbers = _NUMBERS.match(part.lstrip("^~ "))
    if part[0] not in "^~" or part.startswith("~=") or not numbers:
        return f"=={part}" if part[0].isdigit() else part
    release = [int(number) for number in numbers[1].split(".")]
    if part.startswith("^"):
        fixed = next((n for n, number in enumerate(release) if number), len(release) - 1)
    else:
        fixed = min(1, len(release) - 1)
    limit = [*release[:fixed], release[fixed] + 1]
    return f">={numbers[1]},<{'.'.join(map(str, limit))}"


def _note_groups(found: Found, *groups: object) -> None:
    for names in filter(None, (_table(group) for group in groups)):
        found.note(f"the optional groups {', '.join(map(str, names))} are not taken over")


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> Iterable[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, (list, tuple)) else []
