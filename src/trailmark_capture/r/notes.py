"""What console.c and recorder.R note of one expression, read back.

Standard library only, Python 3.8 or later.
"""

import contextlib
import mmap
import os
import re
from pathlib import Path
from typing import BinaryIO, Iterator, List, NamedTuple, Optional, Union

from trailmark_capture.shell.notes import Shell

_HEAD = re.compile(rb"^([A-Z]) (\d{1,12}\.\d{9}) (\d{1,12})\n", re.MULTILINE)
_DONE = re.compile(rb"^D \d{1,12}\.\d{9} 0\n\n\Z", re.MULTILINE)
_TAIL_BYTES = 64


class Note(NamedTuple):
    """One note: what it is about, when it was made, what it says."""

    tag: str
    time: float
    data: bytes

    @property
    def text(self) -> str:
        """What it says, as text."""
        return self.data.decode("utf-8", "replace")


def iter_notes(stream: BinaryIO) -> Iterator[Note]:
    """Yield each whole note of a file. What was torn is skipped."""
    with contextlib.ExitStack() as stack:
        data: Union[bytes, mmap.mmap] = b""
        if os.fstat(stream.fileno()).st_size:
            data = stack.enter_context(
                contextlib.closing(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
            )
        position = 0
        while True:
            head = _HEAD.search(data, position)
            if head is None:
                return
            end = head.end() + int(head.group(3))
            if data[end : end + 1] == b"\n":
                yield Note(head.group(1).decode("ascii"), float(head.group(2)), data[head.end() : end])
                position = end + 1
            else:
                position = head.end()


def seems_done(stream: BinaryIO) -> bool:
    """Return whether the end of a file looks like that of an expression that is over."""
    stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL_BYTES))
    return _DONE.search(stream.read(_TAIL_BYTES)) is not None


class Head(NamedTuple):
    """What is known of an expression from its beginning on."""

    process: Shell
    started: float
    typed: str
    folder: Optional[str]


def head_of(stream: BinaryIO) -> Optional[Head]:
    """Return how an expression began; None when that was not noted."""
    process: Optional[Shell] = None
    begin: Optional[Note] = None
    folder: Optional[str] = None
    for note in iter_notes(stream):
        if note.tag == "P":
            process = _process(note.text)
        elif note.tag == "B":
            begin = note
        elif note.tag == "W":
            folder = note.text
        else:
            break
    return Head(process, begin.time, begin.text.rstrip("\n"), folder) if process and begin else None


def is_alive(named: bytes) -> bool:
    """Return whether the process runs that a file names."""
    process = _process(named.decode("ascii", "replace").strip())
    return process is not None and process.is_alive()


def own_process() -> str:
    """Return what a file says that names our own process."""
    try:
        stat = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        started = stat.rpartition(")")[2].split()[19]
    except OSError:
        boot = started = ""
    return "{} {} {} -".format(os.getpid(), started, boot)


def _process(text: str) -> Optional[Shell]:
    fields: List[str] = text.split(" ")
    return Shell(*fields) if len(fields) == 4 else None
