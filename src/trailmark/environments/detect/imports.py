"""Find what code loads, in scripts, notebooks and R Markdown, without running any; and the packages that give it."""

import posixpath
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from packaging.utils import canonicalize_name

from trailmark.environments.detect.distributions import distributions, find_gone, find_package
from trailmark.environments.detect.found import Found
from trailmark.environments.detect.notebooks import Cell, UnreadableNotebook, read_markdown, read_notebook
from trailmark.environments.detect.pycode import Statement, read_python
from trailmark.environments.detect.rcode import read_r

PYTHON_ENDINGS = (".py", ".ipynb", ".qmd", ".Rmd", ".rmd")
R_ENDINGS = (".R", ".r", ".Rmd", ".rmd", ".qmd", ".ipynb")
ENDINGS = tuple(dict.fromkeys((*PYTHON_ENDINGS, *R_ENDINGS)))

_PIP = re.compile(
    r"^\s*[%!]\s*(?:\{sys\.executable\}\s+-m\s+|python3?\s+-m\s+)?(?:pip3?|uv pip)\s+install\s+(.+)$"
)
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[\w,.-]+\])?([<>=!~]=?[\w.*,<>=!~]+)?")
_LINE_MAGICS = {
    "pylab": ("numpy", "matplotlib.pyplot"),
    "matplotlib": ("matplotlib.pyplot",),
}
_EXTENSION = re.compile(r"^\s*%(?:re)?load_ext\s+([A-Za-z_][\w.]*)")
_EXTENSIONS = {"rmagic": "rpy2", "cythonmagic": "Cython", "autoreload": "", "sql": "sql", "storemagic": ""}
_VERSION = re.compile(r"(\d+)\.(\d+)")

Language = Literal["python", "r"]
Kind = Literal["package", "standard", "python2", "unknown"]


@dataclass(frozen=True)
class Import:
    """One module or R package that code loads: the names taken from it, the files that do so, and what gives it.

    `optional`: the code can do without. `package` is None where none is needed (`standard`, `python2`) or known.
    """

    language: Language
    module: str
    names: tuple[str, ...]
    files: tuple[str, ...]
    optional: bool
    kind: Kind
    package: str | None = None


@dataclass
class Survey:
    """All that the code of a repository loads, with remarks.

    `python2` lists the files that only Python 2 understands, `pythons` the versions that notebooks were last run
    with, `installs` what cells install with pip.
    """

    imports: tuple[Import, ...] = ()
    installs: list[str] = field(default_factory=list)
    python2: list[str] = field(default_factory=list)
    pythons: list[tuple[int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_python: bool = False

    def packages(self, language: Language) -> tuple[str, ...]:
        """Return the packages of a language that the imports need, in order."""
        return tuple(
            sorted({one.package for one in self.imports if one.language == language and one.package})
        )

    def unknown(self) -> tuple[str, ...]:
        """Return the imports, by their first word, that no well-known package gives."""
        return tuple(sorted({one.module.partition(".")[0] for one in self.imports if one.kind == "unknown"}))


@dataclass
class _Use:
    names: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    optional: bool = True


_Uses = dict[tuple[Language, str], _Use]


def survey(files: Mapping[str, str], paths: Iterable[str]) -> Survey:
    """Return what the code among `paths` loads.

    Modules of the repository itself do not count, and R's own packages do not. A name that is not well known gets
    no package: a stranger's may be waiting under it.
    """
    listed = sorted(path for path in paths if path.endswith(ENDINGS))
    found = Survey()
    uses: _Uses = {}
    local = _Local(listed)
    for path in listed:
        for cell in _cells(files[path], path, found):
            for language, statement in _loaded(cell, path, found):
                if not (language == "python" and local.has(statement.module, path)):
                    use = uses.setdefault((language, statement.module), _Use())
                    use.names.update(statement.names)
                    use.files.add(path)
                    use.optional = use.optional and statement.optional
    known = [_known(language, module, use) for (language, module), use in sorted(uses.items())]
    found.imports = tuple(one for one in known if one is not None)
    found.python2 = list(dict.fromkeys(found.python2))
    return found


def as_found(seen: Survey) -> Found:
    """Return the packages of Python in a survey, as a source like a file that declares them."""
    found = Found("imports", notes=list(seen.notes))
    for text in seen.installs:
        found.want(text)
    for name in seen.packages("python"):
        if canonicalize_name(name) not in found.names():
            found.want(name)
    unknown = seen.unknown()
    if unknown:
        found.note(f"no well-known package gives {', '.join(unknown)}; add theirs if the code needs them")
    return found


class _Local:
    """The modules that the repository itself holds."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._places = {path.removesuffix(".py") for path in paths if path.endswith(".py")}
        for place in list(self._places):
            parts = place.split("/")
            self._places.update("/".join(parts[:length]) for length in range(1, len(parts)))
        self._names = {place.rpartition("/")[2] for place in self._places}

    def has(self, module: str, path: str) -> bool:
        """Whether code at `path` that imports `module` most likely means the repository's own.

        A name that a well-known package has must lie where Python would look for it: beside the code or above.
        """
        top = module.partition(".")[0]
        if top not in self._names:
            return False
        if find_package(module) is None and top not in sys.stdlib_module_names:
            return True
        folder = posixpath.dirname(path)
        while True:
            if any(posixpath.join(folder, below, top) in self._places for below in ("", "src", "lib")):
                return True
            if not folder:
                return False
            folder = posixpath.dirname(folder)


def _cells(text: str, path: str, found: Survey) -> Iterator[Cell]:
    if path.endswith(".py"):
        found.is_python = True
        yield Cell("python", text)
    elif path.endswith((".R", ".r")):
        yield Cell("r", text)
    elif path.endswith(".ipynb"):
        yield from _notebook_cells(text, path, found)
    else:
        yield from read_markdown(text)


def _notebook_cells(text: str, path: str, found: Survey) -> Iterator[Cell]:
    try:
        notebook = read_notebook(text)
    except UnreadableNotebook:
        found.notes.append(f"imports: {path} is not a notebook that can be read")
        return
    if notebook.language not in ("python", "r"):
        found.notes.append(
            f"imports: {path} is a notebook in {notebook.language[:20]}, which is not set up here"
        )
    if notebook.language == "python":
        found.is_python = True
        _note_version(notebook.version or "", path, found)
    for cell in notebook.cells:
        yield replace(cell, code=_plain(cell.code, found)) if cell.language == "python" else cell


def _note_version(written: str, path: str, found: Survey) -> None:
    version = _VERSION.match(written)
    if version:
        minor = (int(version[1][:4]), int(version[2][:4]))
        found.pythons.append(minor)
        if minor[0] == 2:
            found.python2.append(path)


def _loaded(cell: Cell, path: str, found: Survey) -> Iterator[tuple[Language, Statement]]:
    if cell.language == "r":
        yield from (("r", Statement(package.name, (), package.optional)) for package in read_r(cell.code))
    elif cell.language == "python":
        code = read_python(cell.code)
        if code.is_python2:
            found.python2.append(path)
        yield from (("python", statement) for statement in code.statements)


def _known(language: Language, module: str, use: _Use) -> Import | None:
    names, files = tuple(sorted(use.names)), tuple(sorted(use.files))
    if language == "r":
        if module in distributions().r_base:
            return None
        return Import("r", module, names, files, use.optional, "package", module)
    kind, package = _given_by(module, names)
    return Import("python", module, names, files, use.optional, kind, package)


def _given_by(module: str, names: tuple[str, ...]) -> tuple[Kind, str | None]:
    table = distributions()
    top = module.partition(".")[0]
    if top in table.always or module in table.always:
        return ("package", _moved(module)) if _moved(module) else ("standard", None)
    if top in sys.stdlib_module_names or top in table.ended:
        return "standard", None
    if top in table.python2:
        return "python2", None
    package = _by_names(module, names) or find_package(module)
    return ("package", package) if package else ("unknown", None)


def _moved(module: str) -> str | None:
    gone = find_gone(module)
    return gone.package if gone else None


def _by_names(module: str, names: tuple[str, ...]) -> str | None:
    """Return the package of `from google.cloud import storage`, where the module alone says nothing."""
    table = distributions().python
    return next((table[f"{module}.{name}"] for name in names if f"{module}.{name}" in table), None)


def _plain(source: str, found: Survey) -> str:
    """Return a cell as plain Python, and take up what its magics install and load."""
    kept = []
    for line in source.splitlines():
        install = _PIP.match(line)
        if install:
            _want_installed(install[1], found)
        is_magic = line.lstrip().startswith(("%", "!", "?")) or line.rstrip().endswith("?")
        indent = line[: len(line) - len(line.lstrip())]
        kept.append(indent + _of_magic(line) if is_magic else line)
    return "\n".join(kept)


def _of_magic(line: str) -> str:
    """Return the Python that a line magic stands for, as far as it loads anything."""
    extension = _EXTENSION.match(line)
    if extension:
        module = _EXTENSIONS.get(extension[1], extension[1])
        return f"import {module}" if module else "pass"
    words = line.strip().lstrip("%").split()
    modules = _LINE_MAGICS.get(words[0], ()) if words and line.lstrip().startswith("%") else ()
    return f"import {', '.join(modules)}" if modules else "pass"


def _want_installed(arguments: str, found: Survey) -> None:
    for word in arguments.replace('"', " ").replace("'", " ").split():
        if not word.startswith("-") and _TOKEN.fullmatch(word) and not word.endswith((".txt", ".whl")):
            found.installs.append(word)
