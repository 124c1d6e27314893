"""What R needs in its environment so that its expressions, or its figures alone, are noted.

Standard library only, Python 3.8 or later.
"""

import json
import os
import re
from pathlib import Path
from typing import Dict, Mapping, Optional

from trailmark_capture.config import Config
from trailmark_capture.files import tracing
from trailmark_capture.journal import new_id
from trailmark_capture.r.notes import own_process

SUFFIX = ".r"
SESSION = "session.json"
PROCESS = ".process"
_PROFILE = "R_PROFILE"
_OWN_PROFILE = "TRAILMARK_R_PROFILE"
_HERE = Path(__file__).parent


def environment_for(config: Config, name: str, environ: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """Make a folder for a program that embeds R; return the variables that it needs beside `environ`."""
    stem = "{}-{}".format(new_id(), re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:40] or "r")
    environ = os.environ if environ is None else environ
    log = config.files / (stem + ".log")
    config.files.mkdir(parents=True, exist_ok=True, mode=0o700)
    traced = tracing(config, log, environ)
    variables = for_expressions(config, stem, log, traced.by, environ, tool=config.tool)
    return dict(traced.environment, **variables)


def for_expressions(
    config: Config, stem: str, log: Path, files_by: str, environ: Mapping[str, str], *, tool: str
) -> Dict[str, str]:
    """Make the folder `STEM.r`; return the variables with which each expression of an interactive R is noted.

    An R that runs a script notes its figures there.
    """
    folder = config.shell / (stem + SUFFIX)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    session = {
        "tool": tool,
        "session": config.session,
        "environment": config.environment,
        "engine": config.engine,
        "actor": config.actor,
        "files_log": str(log),
        "files_by": files_by,
    }
    (folder / SESSION).write_text(json.dumps(session), encoding="utf-8")
    return _variables(folder, "expressions", environ)


def for_run(folder: Path, environ: Mapping[str, str]) -> Dict[str, str]:
    """Make a folder; return the variables with which every R of a command notes its figures there."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "{}{}".format(os.getpid(), PROCESS)).write_text(own_process(), encoding="ascii")
    return _variables(folder, "run", environ)


def find_console() -> Optional[str]:
    """Return the library that notes what R's console shows; None where it was not built: then nothing is noted."""
    return next((str(path) for path in sorted(_HERE.glob("_console*.so"))), None)


def _variables(folder: Path, records: str, environ: Mapping[str, str]) -> Dict[str, str]:
    profile = str(_HERE / "profile.R")
    own = environ.get(_PROFILE, "")
    return {
        _PROFILE: profile,
        _OWN_PROFILE: environ.get(_OWN_PROFILE, "") if own == profile else own,
        "TRAILMARK_R": str(folder),
        "TRAILMARK_R_AS": records,
        "TRAILMARK_R_CONSOLE": find_console() or "",
    }
