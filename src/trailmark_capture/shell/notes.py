"""What hook.bash notes in a spool, read back.

Standard library only, Python 3.8 or later.
"""

import os
import re
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Tuple, Union

from trailmark_capture.journal import is_id

_MARK = b"\0\0"
_INTERRUPTED = (130, 148)
_PID = re.compile("[0-9]{1,10}")


class Session(NamedTuple):
    """Whose shell it is, where its files are noted, and what else is to be removed when it is gone."""

    session: str
    environment: str
    engine: str
    actor: str
    log: str
    files_by: str
    scratch: str


class Shell(NamedTuple):
    """The process: no other has the same pid, start time and boot."""

    pid: str
    started: str
    boot: str
    version: str

    @property
    def number(self) -> Optional[int]:
        """The pid; None when what was noted is none."""
        return int(self.pid) if _PID.fullmatch(self.pid) else None

    def is_alive(self) -> bool:
        """Return whether the shell still runs."""
        if not _PID.fullmatch(self.pid):
            return False
        try:
            stat = Path("/proc", self.pid, "stat").read_text(encoding="utf-8", errors="replace")
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return not self.started and _responds(self.pid)
        state, *fields = stat.rpartition(")")[2].split()
        return state not in ("Z", "X") and fields[18] == self.started and boot == self.boot


class Begin(NamedTuple):
    """A command has started."""

    id: str
    start: str
    folder: str
    hidden: str
    text: str

    @property
    def started(self) -> float:
        """When, in seconds since the epoch."""
        return int(self.start) / 1e6


class End(NamedTuple):
    """A command is over."""

    id: str
    start: str
    folder: str
    hidden: str
    text: str
    end: str
    exit: str

    @property
    def begin(self) -> Begin:
        """What the begin of the command said, or would have said."""
        return Begin(*self[:5])

    @property
    def ended(self) -> float:
        """When, in seconds since the epoch."""
        return int(self.end) / 1e6

    @property
    def status(self) -> str:
        """How it ended, as the journal has it."""
        code = int(self.exit)
        return "interrupted" if code in _INTERRUPTED else "error" if code else "ok"


Note = Union[Session, Shell, Begin, End]


def encode(session: Session) -> bytes:
    """Return the note that a spool begins with."""
    return _MARK + b"\0".join([b"S", *(b"=" + os.fsencode(field) for field in session), b"."]) + _MARK


def iter_notes(data: bytes) -> Iterator[Tuple[Note, int]]:
    """Yield each whole note, with the offset behind it. What was torn is skipped."""
    start = 0
    while True:
        end = data.find(_MARK, start)
        if end < 0:
            return
        note = _decode(data[start:end].strip(b"\0"))
        start = end + len(_MARK)
        if note is not None:
            yield note, start


def _decode(piece: bytes) -> Optional[Note]:
    tag, *fields = piece.split(b"\0")
    if not fields or fields.pop() != b"." or not all(field.startswith(b"=") for field in fields):
        return None
    values = [os.fsdecode(field[1:].rstrip(b"\n")) for field in fields]
    try:
        return _note(tag, values)
    except (TypeError, ValueError, OverflowError):
        return None


def _note(tag: bytes, values: List[str]) -> Optional[Note]:
    if tag == b"S":
        return Session(*values)
    if tag == b"H":
        return Shell(*values)
    if tag == b"B":
        begin = Begin(*values)
        return begin if is_id(begin.id) and begin.started else None
    if tag == b"E":
        end = End(*values)
        return end if is_id(end.id) and end.ended and end.begin.started and end.status else None
    return None


def _responds(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (OSError, ValueError):
        return False
    return True
