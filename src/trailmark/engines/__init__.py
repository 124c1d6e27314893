"""Engines: where sessions run. A session is one program with labels, started, watched and ended by an engine.

`LocalEngine` runs them as processes of this machine; `MemoryEngine` only pretends to, for tests. Every engine
passes the suite in `trailmark.testing.engine_contract`.
"""

from trailmark.engines.local import LocalEngine
from trailmark.engines.memory import MemoryEngine
from trailmark.engines.model import Engine, Limits, Mount, SessionSpec, SessionState, Status

__all__ = [
    "Engine",
    "Limits",
    "LocalEngine",
    "MemoryEngine",
    "Mount",
    "SessionSpec",
    "SessionState",
    "Status",
]
