"""What a shell needs so that its commands are noted.

Standard library only, Python 3.8 or later.
"""

import os
import re
from pathlib import Path
from typing import Dict, Mapping, Optional

from trailmark_capture.config import Config
from trailmark_capture.files import tracing
from trailmark_capture.journal import new_id
from trailmark_capture.private import private_folder
from trailmark_capture.r.environment import for_expressions
from trailmark_capture.shell.spool import IN_MEMORY, SCRATCH, SUFFIX, create

SPOOL_VARIABLE = "TRAILMARK_SHELL_SPOOL"
SCRATCH_VARIABLE = "TRAILMARK_SHELL_SCRATCH"


def rcfile(config: Config) -> str:
    """Return the file to start an interactive bash with: ``bash --rcfile FILE``."""
    return str(Path(__file__).with_name("rc.bash"))


def environment_for(config: Config, name: str, environ: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """Make a spool for one shell that is about to start; return the variables that it needs beside `environ`.

    For one shell only: another one needs a spool, and so a call, of its own.
    """
    stem = "{}-{}".format(new_id(), re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:40] or "shell")
    log = config.files / (stem + ".log")
    config.files.mkdir(parents=True, exist_ok=True, mode=0o700)
    environ = os.environ if environ is None else environ
    traced = tracing(config, log, environ)
    config.shell.mkdir(parents=True, exist_ok=True, mode=0o700)
    spool = config.shell / (stem + SUFFIX)
    scratch = (private_folder(IN_MEMORY) or config.shell) / (stem + SCRATCH)
    create(config, spool, log, traced.by, scratch)
    r = for_expressions(config, stem, log, traced.by, environ, tool="terminal")
    return dict(traced.environment, **r, **{SPOOL_VARIABLE: str(spool), SCRATCH_VARIABLE: str(scratch)})
