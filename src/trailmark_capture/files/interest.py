"""Which of the files that a program touched count as its inputs and outputs.

A project's own files count, but for what git and caches keep there. Of all others, what belongs to the
system, to an environment or to the settings of a program does not.

Standard library only, Python 3.8 or later.
"""

import os
import re
from pathlib import Path
from typing import Iterable, Optional, Tuple

SYSTEM = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin", "/snap", "/sys"),
    *("/usr", "/var/cache", "/var/lib", "/var/log", "/var/run"),
    *("/System", "/Library", "/private/etc", "/private/var/db"),
)
_HOME = (
    *(".aws", ".bun", ".cache", ".cargo", ".conda", ".config", ".dask", ".docker", ".fontconfig", ".fonts"),
    *(".gnupg", ".ipython", ".julia", ".jupyter", ".mamba", ".matplotlib", ".mozilla", ".npm", ".nv", ".pki"),
    *(".pyenv", ".rustup", ".ssh", ".streamlit", ".texlive", ".vim", ".vscode", ".vscode-server"),
    *(".local/bin", ".local/lib", ".local/state", ".local/share/fonts", ".local/share/jupyter"),
    *("Library/Caches", "Library/Fonts", "Library/Jupyter", "Library/Preferences"),
)
_NEVER = frozenset((".git", ".ipynb_checkpoints", "__pycache__"))
_ENVIRONMENT = re.compile(
    r"/(site-packages|dist-packages|node_modules|lib(64)?/python\d[\d.]*|R/[^/]+-library)/"
)
_BYTECODE = re.compile(r"(.*/)?__pycache__/([^/.]+)\.[^/]*\.pyc")


class Interest:
    """Decides about absolute paths with symbolic links resolved, for one project."""

    def __init__(self, project: Path, exclude: Iterable[str] = (), home: Optional[Path] = None) -> None:
        self.root = os.path.realpath(str(project))
        chosen = str(home) if home is not None else os.path.expanduser("~")
        self._home = _with_slash(os.path.realpath(chosen))
        prefixes = (
            *exclude,
            *map(os.path.realpath, exclude),
            *SYSTEM,
            *(self._home + name for name in _HOME),
        )
        self._prefixes: Tuple[str, ...] = tuple({_with_slash(prefix) for prefix in prefixes if prefix})
        self._root = _with_slash(self.root)

    def relative(self, path: str) -> Optional[str]:
        """Return the path inside the project, None for a path outside."""
        return path[len(self._root) :] if path.startswith(self._root) else None

    def counts(self, path: str) -> bool:
        """Return whether a file counts."""
        relative = self.relative(path)
        if relative is not None:
            return not _NEVER.intersection(relative.split("/")) and not relative.endswith(".pyc")
        if path.startswith(self._prefixes) or path.endswith(".pyc") or _NEVER.intersection(path.split("/")):
            return False
        return not self._is_dot_file_of_home(path) and not _ENVIRONMENT.search(path)

    def _is_dot_file_of_home(self, path: str) -> bool:
        return path.startswith(self._home + ".") and "/" not in path[len(self._home) :]


def source_of(path: str) -> Optional[str]:
    """Return the Python source whose compiled form a path is: Python reads that in place of the source."""
    match = _BYTECODE.fullmatch(path)
    return "{}{}.py".format(match.group(1) or "", match.group(2)) if match else None


def _with_slash(path: str) -> str:
    return path.rstrip("/") + "/"
