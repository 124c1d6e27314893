"""The journal: an append-only file between capture and the recorder, and the owner of its format.

A journal is a folder of segments. Each segment belongs to one living writer, which holds an exclusive
`flock` on it for as long as it lives; so a segment that can be locked by somebody else has lost its writer.
A line is ``CRC32 JSON\\n`` (eight hexadecimal digits, a space, one JSON object). A line without its newline,
or whose checksum is wrong, was torn by a crash and counts as never written.

Entries (all times are seconds since the epoch, all paths POSIX, relative to the project or absolute outside):

``begin``
    an action has started: ``id, kind, started, tool, session, source, code, …``
``end``
    the same action is over. Holds everything that ``begin`` held and the results: it can be read alone.

Standard library only, Python 3.8 or later: this runs in the person's own kernel and shell.
"""

import contextlib
import fcntl
import json
import os
import secrets
import socket
import time
import zlib
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from trailmark_capture.shared import SharedFolder, Unusable, open_regular

VERSION = 1
SEGMENT_BYTES = 8 * 1024 * 1024
_SUFFIX = ".journal"
_TIME_DIGITS = 10
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

Entry = Dict[str, Any]


def new_id(at: Optional[float] = None) -> str:
    """Return a fresh record id: 26 characters that sort by time (the ULID specification)."""
    milliseconds = int((time.time() if at is None else at) * 1000)
    number = (milliseconds << 80) | secrets.randbits(80)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def time_of(identity: str) -> float:
    """Return when the action with an id began, in seconds since the epoch; 0 for an id that was made otherwise."""
    milliseconds = 0
    for letter in identity[:_TIME_DIGITS]:
        milliseconds = milliseconds << 5 | max(0, _ALPHABET.find(letter))
    return milliseconds / 1000 if milliseconds < 1 << 45 else 0.0


def is_id(text: str) -> bool:
    """Return whether a text can be the id of a record."""
    return len(text) == 26 and text.isascii() and text.isalnum()


def encode(entry: Entry) -> bytes:
    """Return the line that stands for an entry."""
    body = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def decode(line: bytes) -> Optional[Entry]:
    """Return the entry of a line, or None for a line that was torn or altered."""
    if not line.endswith(b"\n") or len(line) < 12 or line[8:9] != b" ":
        return None
    body = line[9:-1]
    try:
        if int(line[:8], 16) != zlib.crc32(body):
            return None
        entry = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


class Writer:
    """Appends entries to a segment of its own; an entry is on disk when `append` returns.

    Safe to use from several threads only when the caller serialises the calls.
    """

    def __init__(self, folder: Path, name: str, nudge: Optional[Path] = None) -> None:
        self._folder = folder
        self._name = name
        self._nudge = nudge
        self._fd = -1
        self._is_torn = False
        self._last = ""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _open(self) -> int:
        while new_id()[:_TIME_DIGITS] == self._last[:_TIME_DIGITS]:
            time.sleep(0.0005)
        self._last = new_id()
        path = self._folder / "{}-{}{}".format(self._last, self._name, _SUFFIX)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        fd = os.open(str(path), flags, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            for folder in (self._folder, self._folder.parent):
                _sync_folder(folder)
        except OSError:
            os.close(fd)
            raise
        self._is_torn = False
        return fd

    def append(self, entry: Entry) -> None:
        """Write one entry durably, then tell the recorder. Raises OSError when the disk refuses."""
        self.append_all([entry])

    def append_all(self, entries: Sequence[Entry]) -> None:
        """Write several entries durably, all or none, for the price of one. Raises OSError when the disk refuses."""
        if self._fd < 0:
            self._fd = self._open()
        start = os.fstat(self._fd).st_size
        # What could not be taken back ends here: a line that was torn is none.
        before = b"\n" if self._is_torn else b""
        lines = memoryview(before + b"".join(encode(dict(entry, v=VERSION)) for entry in entries))
        try:
            while lines:
                lines = lines[os.write(self._fd, lines) :]
            os.fsync(self._fd)
        except OSError:
            self._is_torn = True
            os.ftruncate(self._fd, start)
            self._is_torn = bool(before)
            raise
        self._is_torn = False
        if os.fstat(self._fd).st_size > SEGMENT_BYTES:
            self._turn_over()
        nudge(self._nudge)

    def _turn_over(self) -> None:
        """Start another segment before the full one is given up: a writer that lives always holds one."""
        full = self._fd
        with contextlib.suppress(OSError):
            self._fd = self._open()
            os.close(full)

    def close(self) -> None:
        """Give the segment up; the next `append` starts another."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def nudge(address: Optional[Path]) -> bool:
    """Wake whoever listens on a datagram socket; False when nobody does. Never blocks."""
    if address is None:
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client, short_address(address) as short:
            client.setblocking(False)
            client.sendto(b"1", short)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


@contextlib.contextmanager
def short_address(path: Path) -> Iterator[str]:
    """Give a name for a socket's path that fits the 107 bytes which the kernel allows."""
    if len(os.fsencode(str(path))) < 100 or not os.path.isdir("/proc/self/fd"):
        yield str(path)
        return
    folder = os.open(str(path.parent), os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield "/proc/self/fd/{}/{}".format(folder, path.name)
    finally:
        os.close(folder)


def _sync_folder(path: Path) -> None:
    """Return once a folder's list of names is on disk."""
    fd = os.open(str(path), os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def segments(folder: Path) -> List[Path]:
    """Return the segments of a journal, oldest first."""
    return [folder / name for name in SharedFolder(folder).files(_SUFFIX)]


def read(segment: Path, offset: int = 0) -> Iterator[Tuple[Entry, int]]:
    """Yield each whole entry from an offset on, with the offset behind it. Altered lines are skipped.

    Nothing is in what no writer leaves: a link, a pipe, a file that is far too large. Raises OSError.
    """
    try:
        stream = open_regular(segment)
    except Unusable:
        return
    with stream:
        stream.seek(offset)
        for line in stream:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            entry = decode(line)
            if entry is not None:
                yield entry, offset


def is_abandoned(segment: Path) -> bool:
    """Return whether the segment's writer is gone: closed, or killed."""
    try:
        stream = open_regular(segment)
    except (FileNotFoundError, Unusable):
        return True
    with stream:
        try:
            fcntl.flock(stream.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
