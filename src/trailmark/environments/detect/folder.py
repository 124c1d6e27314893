"""The files of a folder that say something of its environment, read when they are asked for."""

import codecs
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

_PYTHON = ("Pipfile", "pyproject.toml", "setup.py", "setup.cfg", "environment.yml", "environment.yaml")
_OTHER = (
    "runtime.txt",
    ".python-version",
    "renv.lock",
    "install.R",
    "DESCRIPTION",
    "Project.toml",
    "apt.txt",
    "postBuild",
    "start",
    "Dockerfile",
    "default.nix",
)
_NAMES = frozenset((*_PYTHON, *_OTHER))
_ENDINGS = (".py", ".ipynb", ".txt", ".in", ".R", ".r", ".Rmd", ".rmd", ".qmd")
_SKIPPED = frozenset(["node_modules", "site-packages", "venv", "env", "__pycache__", "build", "dist"])
_HIDDEN_BUT_READ = frozenset({".binder"})
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_MOST_FILES = 5000
_LARGEST = 20_000_000


class FolderText(Mapping[str, str]):
    """A folder as a mapping from path (POSIX, relative) to text. Links are not followed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._paths = tuple(_walk(root))
        self._set = frozenset(self._paths)

    def __getitem__(self, path: str) -> str:
        if path not in self._set:
            raise KeyError(path)
        try:
            return decoded((self._root / PurePosixPath(path)).read_bytes())
        except OSError:
            return ""

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def decoded(data: bytes) -> str:
    """Return a file's text: in UTF-8, or as its byte order mark says, which PowerShell and others write."""
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return data.removeprefix(mark).decode(encoding, "replace").replace("\r\n", "\n")
    return data.decode("utf-8", "replace").replace("\r\n", "\n")


def _walk(root: Path) -> Iterator[str]:
    count = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if _is_read(name))
        for name in sorted(names):
            path = Path(folder) / name
            if (name in _NAMES or name.endswith(_ENDINGS)) and _is_small_file(path):
                count += 1
                if count > _MOST_FILES:
                    return
                yield path.relative_to(root).as_posix()


def _is_read(folder: str) -> bool:
    return folder not in _SKIPPED and (not folder.startswith(".") or folder in _HIDDEN_BUT_READ)


def _is_small_file(path: Path) -> bool:
    try:
        return path.is_file() and not path.is_symlink() and path.stat().st_size <= _LARGEST
    except OSError:
        return False
