"""The variables of what a person starts: the project's environment is active, nothing of our own leaks (pure)."""

import os
from collections.abc import Mapping
from pathlib import Path

_SERVERS_OWN = frozenset(
    {
        "JUPYTER_TOKEN",
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_DATA_DIR",
        "JUPYTER_RUNTIME_DIR",
        "PYTHONHOME",
        "PYTHONPATH",
        "TRAILMARK_R",
        "VIRTUAL_ENV",
        "VIRTUAL_ENV_PROMPT",
    }
)


def for_person(environ: Mapping[str, str], python: Path, tool: Path) -> dict[str, str]:
    """Return variables with the environment of `python` active, and those of the `tool` environment gone."""
    kept = {name: value for name, value in environ.items() if name not in _SERVERS_OWN}
    folder = str(python.parent)
    search = [entry for entry in kept.get("PATH", os.defpath).split(os.pathsep) if entry]
    hidden = {folder, str(tool / "bin")}
    kept["PATH"] = os.pathsep.join([folder, *(entry for entry in search if entry not in hidden)])
    kept["VIRTUAL_ENV"] = str(python.parent.parent)
    return kept
