"""Find the packages that code imports, in scripts and notebooks, without running any."""

import ast
import json
import posixpath
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from packaging.utils import canonicalize_name

from trailmark.environments.catalogue import known_names
from trailmark.environments.detect.distributions import ALWAYS_THERE, DISTRIBUTIONS
from trailmark.environments.detect.found import Found
from trailmark.environments.detect.projectfiles import parse_code

_IMPORT_LINE = re.compile(r"^\s*(?:from\s+([\w.]+)\s+import\b|import\s+([\w., \t]+))", re.MULTILINE)
_PIP = re.compile(
    r"^\s*[%!]\s*(?:\{sys\.executable\}\s+-m\s+|python3?\s+-m\s+)?(?:pip3?|uv pip)\s+install\s+(.+)$"
)
_PYTHON_CELL_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[\w,.-]+\])?([<>=!~]=?[\w.*,<>=!~]+)?")


def read_imports(files: Mapping[str, str], paths: Iterable[str]) -> Found:
    """Return the packages that the .py and .ipynb files among `paths` import.

    Modules of the repository itself and of Python's standard library do not count. A name that is not well
    known is only noted: a stranger's package may be waiting under it.
    """
    listed = sorted(paths)
    found = Found("imports")
    local = _local_modules(listed)
    modules: set[str] = set()
    for path in listed:
        for code in _code(files, path, found):
            modules.update(_imported(code))
    unknown: set[str] = set()
    wanted: set[str] = set()
    for module in modules:
        top = module.split(".")[0]
        if top in local or top in sys.stdlib_module_names or top in ALWAYS_THERE:
            continue
        distribution = _distribution(module)
        (wanted if distribution else unknown).add(distribution or top)
    for name in sorted(wanted - found.names()):
        found.want(name)
    if unknown:
        found.note(
            f"no well-known package gives {', '.join(sorted(unknown))}; add theirs if the code needs them"
        )
    return found


def _local_modules(paths: Iterable[str]) -> set[str]:
    """Return the names by which the repository's own code can be imported."""
    names: set[str] = set()
    for path in paths:
        if path.endswith(".py"):
            folder, file = posixpath.split(path)
            names.add(file.removesuffix(".py"))
            names.update(filter(None, folder.split("/")))
    return names


def _code(files: Mapping[str, str], path: str, found: Found) -> Iterator[str]:
    if path.endswith(".py"):
        yield files[path]
    elif path.endswith(".ipynb"):
        yield from (_plain(source, found) for source in _cells(files[path], path, found))


def _cells(text: str, path: str, found: Found) -> Iterator[str]:
    try:
        notebook = json.loads(text)
        language = notebook.get("metadata", {}).get("kernelspec", {}).get("language", "python")
        cells = notebook.get("cells") or [cell for sheet in notebook["worksheets"] for cell in sheet["cells"]]
        sources = [
            cell.get("source", cell.get("input", "")) for cell in cells if cell.get("cell_type") == "code"
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        found.note(f"{path} is not a notebook that can be read")
        return
    if language != "python":
        found.note(f"{path} is a notebook in {str(language)[:20]}, which is not set up here")
        return
    for source in sources:
        yield "".join(map(str, source)) if isinstance(source, list) else str(source)


def _plain(source: str, found: Found) -> str:
    """Return a cell as plain Python, and take up the packages that its magics install."""
    lines = source.splitlines()
    if lines and lines[0].startswith("%%"):
        if not lines[0].startswith(_PYTHON_CELL_MAGICS):
            return ""
        lines = lines[1:]
    kept = []
    for line in lines:
        install = _PIP.match(line)
        if install:
            _want_installed(install[1], found)
        kept.append(
            "pass" if line.lstrip().startswith(("%", "!", "?")) or line.rstrip().endswith("?") else line
        )
    return "\n".join(kept)


def _want_installed(arguments: str, found: Found) -> None:
    for word in arguments.replace('"', " ").replace("'", " ").split():
        if not word.startswith("-") and _TOKEN.fullmatch(word) and not word.endswith((".txt", ".whl")):
            found.want(word)


def _imported(code: str) -> Iterator[str]:
    tree = parse_code(code)
    if tree is None:
        for match in _IMPORT_LINE.finditer(code):
            for name in (match[1] or match[2]).split(","):
                bare = name.strip().split(" ")[0].strip(".")
                if bare:
                    yield bare
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name != "*")


def _distribution(module: str) -> str | None:
    """Return the package that gives a module, by its longest known beginning."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        known = DISTRIBUTIONS.get(".".join(parts[:length]))
        if known:
            return known
    name = canonicalize_name(parts[0])
    return name if name in _known() else None


@cache
def _known() -> frozenset[str]:
    return frozenset(known_names())
