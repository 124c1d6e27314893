"""Which files a program read and wrote.

``shim.c``      a library that is loaded into every process by LD_PRELOAD and notes each access in a log (Linux)
``audit``       the same log, written by Python itself where the shim can't be loaded
``inotify``     what the system tells of a folder: nobody's name stands on it, so it only gives candidates
``log``         reads the log, and says what an action read, wrote and deleted
``interest``    which files count: neither the system's nor an environment's nor a cache's
"""

import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple, Optional

from trailmark_capture.config import Config
from trailmark_capture.private import private_folder

LOG_VARIABLE = "TRAILMARK_FILES_LOG"
EXCLUDE_VARIABLE = "TRAILMARK_FILES_EXCLUDE"
_TEST_SECONDS = 10.0


class Tracing(NamedTuple):
    """What a process needs in its environment so that its files are noted, and by what they are noted."""

    environment: Dict[str, str]
    by: str


def tracing(config: Config, log: Path, environ: Mapping[str, str]) -> Tracing:
    """Return what makes a program, started with `environ` otherwise, note its files in a log."""
    noted = {LOG_VARIABLE: str(log), EXCLUDE_VARIABLE: ":".join(_excluded(config))}
    if config.shim is not None:
        preload = [str(config.shim), *re.split("[: ]+", environ.get("LD_PRELOAD", ""))]
        return Tracing(dict(noted, LD_PRELOAD=":".join(dict.fromkeys(filter(None, preload)))), "shim")
    paths = [str(Path(__file__).with_name("python")), environ.get("PYTHONPATH", "")]
    return Tracing(dict(noted, PYTHONPATH=os.pathsep.join(filter(None, paths))), "audit")


def _excluded(config: Config) -> List[str]:
    own = (config.files, config.shell, config.journal)
    given = [*config.exclude, *map(str, own)]
    both = [path for prefix in given for path in (prefix, os.path.realpath(prefix))]
    return [path for path in dict.fromkeys(both) if ":" not in path and path != "/"]


@functools.lru_cache(maxsize=1)
def find_shim() -> Optional[str]:
    """Return the path of the shim, None where it was not built or does not work. Tries it out once."""
    for built in sorted(Path(__file__).parent.glob("_shim*.so")):
        path = _loadable(built)
        if path is not None and shim_works(path):
            return path
    return None


def shim_works(path: str) -> bool:
    """Return whether a process that loads the shim notes its files, and says nothing of it."""
    shell = shutil.which("sh")
    if shell is None:
        return False
    with tempfile.TemporaryDirectory(prefix="trailmark-") as name:
        folder = Path(name).resolve()
        log, made = folder / "log", folder / "made"
        environ = {"LD_PRELOAD": path, LOG_VARIABLE: str(log)}
        try:
            done = subprocess.run(
                [shell, "-c", ': > "$1"', "sh", str(made)],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_TEST_SECONDS,
                check=False,
            )
            noted = log.read_text(encoding="utf-8", errors="replace")
        except (OSError, subprocess.SubprocessError):
            return False
        return done.returncode == 0 and not done.stdout and "\tc\t{}\n".format(made) in noted


def _loadable(built: Path) -> Optional[str]:
    """Return a path to a library that LD_PRELOAD can hold: it has no way to write a space or a colon."""
    path = str(built.resolve())
    if not re.search(r"[\s:]", path):
        return path
    folder = private_folder(Path(tempfile.gettempdir()))
    if folder is None:
        return None
    link = folder / (hashlib.sha256(os.fsencode(path)).hexdigest()[:16] + ".so")
    try:
        if not link.is_symlink():
            link.symlink_to(path)
        return str(link) if os.readlink(str(link)) == path else None
    except OSError:
        return None
