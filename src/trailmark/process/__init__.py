"""Starting other programs: the only place that does it.

`run` waits for a program and returns what it said; `stream` hands over its lines while it works and can be
cancelled; `spawn` leaves it running by itself. A program is always an argument list, never a shell line.
"""

from trailmark.process.daemon import ProcessHandle, is_alive, spawn, start_mark, terminate
from trailmark.process.run import Completed, run, stream

__all__ = ["Completed", "ProcessHandle", "is_alive", "run", "spawn", "start_mark", "stream", "terminate"]
