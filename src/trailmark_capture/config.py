"""What capture is told about the session that it belongs to: `capture.json`, read once into one frozen value.

Standard library only, Python 3.8 or later.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Optional, Tuple

VARIABLE = "TRAILMARK_CAPTURE"


class ConfigError(Exception):
    """There is no capture.json, or it does not say what capture must know."""


@dataclass(frozen=True)
class Config:
    """The session that capture belongs to. `path` is the file it was read from."""

    project: Path
    journal: Path
    files: Path
    shell: Path
    session: Optional[str] = None
    tool: str = "terminal"
    engine: str = "local"
    environment: Optional[str] = None
    actor: str = "person"
    shim: Optional[Path] = None
    exclude: Tuple[str, ...] = ()
    secrets: Optional[Path] = None
    nudge: Optional[Path] = None
    recorder: Tuple[str, ...] = ()
    max_output_bytes: int = 50 * 1024 * 1024
    path: Optional[Path] = field(default=None, compare=False)

    @classmethod
    def load(cls, path: Path) -> "Config":
        """Read a capture.json. Raises ConfigError when it can't be used."""
        try:
            stored = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(
                "{} cannot be read ({}). Start the session again.".format(path, error)
            ) from error
        if not isinstance(stored, dict):
            raise ConfigError("{} does not hold a session. Start the session again.".format(path))
        return _parse(stored, Path(path))


def load(environ: Optional[Mapping[str, str]] = None) -> Config:
    """Read the file that TRAILMARK_CAPTURE names. Raises ConfigError when there is none."""
    named = (os.environ if environ is None else environ).get(VARIABLE)
    if not named:
        raise ConfigError("{} names no session: start it with Trailmark.".format(VARIABLE))
    return Config.load(Path(named))


def _parse(stored: Mapping[str, Any], path: Path) -> Config:
    missing = [name for name in ("project", "journal", "files", "shell") if not stored.get(name)]
    if missing:
        raise ConfigError("{} does not say: {}. Start the session again.".format(path, ", ".join(missing)))
    return Config(
        project=Path(stored["project"]),
        journal=Path(stored["journal"]),
        files=Path(stored["files"]),
        shell=Path(stored["shell"]),
        session=stored.get("session"),
        tool=stored.get("tool") or Config.tool,
        engine=stored.get("engine") or Config.engine,
        environment=stored.get("environment"),
        actor=stored.get("actor") or Config.actor,
        shim=_path(stored.get("shim")),
        exclude=tuple(stored.get("exclude") or ()),
        secrets=_path(stored.get("secrets")),
        nudge=_path(stored.get("nudge")),
        recorder=tuple(stored.get("recorder") or ()),
        max_output_bytes=int(stored.get("max_output_bytes") or Config.max_output_bytes),
        path=path,
    )


def _path(value: Optional[str]) -> Optional[Path]:
    return Path(value) if value else None
