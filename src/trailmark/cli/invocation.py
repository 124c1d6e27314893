"""What one call of the command line knows: the options that every command shares, and the services."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trailmark.wiring import Services


@dataclass
class Invocation:
    """One call of the command line. Options fill it in while they are parsed; nothing changes it later."""

    environ: Mapping[str, str]
    folder: Path
    project_name: str | None = None
    json: bool = False

    @cached_property
    def services(self) -> "Services":
        """Choose the adapters, once. Loaded late: `trailmark --help` needs none of them."""
        from trailmark import wiring

        return wiring.build(self.environ)

    @property
    def actor(self) -> str:
        """Who acts: `person`, or `program:NAME` when TRAILMARK_ACTOR names a program."""
        named = self.environ.get("TRAILMARK_ACTOR", "").strip()
        if named in ("", "person"):
            return "person"
        return named if named.startswith("program:") else f"program:{named}"
