r"""Reads the log of file accesses, and says what an action read, wrote and deleted.

A line is ``SECONDS<tab>PID<tab>OP<tab>PATH``. In PATH newline, tab, backslash and 0x1f are written ``\n``,
``\t``, ``\\`` and ``\s``. OP is one of

``r``   opened to read
``w``   opened to write and emptied; the file existed
``a``   opened to write, not emptied
``rw``  opened to read and write; the file existed and was not empty
``c``   made by opening it to write
``d``   deleted
``m``   renamed: PATH is ``FROM<0x1f>TO``; a file that was in the way is noted as deleted before
``md``  the same, and it is a folder
``x``   the program that was started

Standard library only, Python 3.8 or later.
"""

import itertools
import os
import re
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from trailmark_capture.files.interest import Interest, source_of
from trailmark_capture.shared import Unusable, open_regular

SEPARATOR = b"\x1f"
# Times of a file may come from the clock of another machine, or be rounded.
_CLOCK_SECONDS = 2.0
_MOST_MOVED = 10_000
_CODES = {b"\n": b"\\n", b"\t": b"\\t", b"\\": b"\\\\", SEPARATOR: b"\\s"}
_MEANINGS = {code: byte for byte, code in _CODES.items()}
_SPECIAL = re.compile(rb"[\n\t\\\x1f]")
_CODE = re.compile(rb"\\[nt\\s]")
_OPS = frozenset(("r", "w", "a", "rw", "c", "d", "m", "md", "x"))
_RENAMED = ("m", "md")
WRITES = frozenset(("w", "a", "rw", "c", "d", "m", "md"))

Entry = Dict[str, Any]


class Access(NamedTuple):
    """One access. `to` is the new name of a renamed file. A candidate was perhaps made by somebody else."""

    time: float
    pid: int
    op: str
    path: str
    to: Optional[str] = None
    candidate: bool = False


class Files(NamedTuple):
    """The files of an action, in the journal's form."""

    reads: List[Entry]
    writes: List[Entry]
    deletes: List[str]


def combine(seen: Files, perhaps: Files) -> Files:
    """Return what was seen for certain, and beside it what was perhaps done by somebody else."""
    reads = {str(entry["path"]) for entry in seen.reads}
    writes = {str(entry["path"]) for entry in seen.writes}
    return Files(
        seen.reads + [entry for entry in perhaps.reads if entry["path"] not in reads | writes],
        seen.writes + [entry for entry in perhaps.writes if entry["path"] not in writes],
        seen.deletes + [path for path in perhaps.deletes if path not in seen.deletes],
    )


def encode(access: Access) -> bytes:
    """Return the line that stands for an access."""
    path = _escaped(access.path)
    if access.to is not None:
        path += SEPARATOR + _escaped(access.to)
    return b"%.9f\t%d\t%s\t%s\n" % (access.time, access.pid, access.op.encode("ascii"), path)


def decode(line: bytes) -> Optional[Access]:
    """Return the access of a line (without its newline), None for a line that was torn."""
    fields = line.split(b"\t")
    if len(fields) != 4:
        return None
    op = fields[2].decode("ascii", "replace")
    names = [_unescaped(name) for name in fields[3].split(SEPARATOR)]
    if (
        op not in _OPS
        or len(names) != (2 if op in _RENAMED else 1)
        or not all(name.startswith("/") for name in names)
    ):
        return None
    try:
        return Access(float(fields[0]), int(fields[1]), op, names[0], names[-1] if op in _RENAMED else None)
    except ValueError:
        return None


def is_within(time: float, since: float, until: float) -> bool:
    """Return whether a time lies in a span; one that ends before it begins is one in which the clock was set back."""
    if since <= until:
        return since <= time <= until
    return time >= since or time <= until


def accesses(log: Path, offset: int, since: float, until: float) -> Tuple[List[Access], int]:
    """Return the accesses of a span of time and the offset from which to read on for a later one."""
    try:
        with open_regular(log) as stream:
            stream.seek(offset)
            lines = stream.read().split(b"\n")[:-1]
    except (FileNotFoundError, Unusable):
        return [], offset
    found: List[Access] = []
    following: Optional[int] = None
    for line in lines:
        access = decode(line)
        if access is not None and since <= until < access.time and following is None:
            following = offset
        if access is not None and is_within(access.time, since, until):
            found.append(access)
        offset += len(line) + 1
    return found, offset if following is None else following


def _escaped(path: str) -> bytes:
    return _SPECIAL.sub(lambda match: _CODES[match.group()], os.fsencode(path))


def _unescaped(path: bytes) -> str:
    return os.fsdecode(_CODE.sub(lambda match: _MEANINGS[match.group()], path) if b"\\" in path else path)


class Disk:
    """What classification asks of the file system as it is now."""

    def resolve(self, folder: str) -> str:
        """Return a folder's path with symbolic links resolved."""
        return os.path.realpath(folder or "/")

    def exists(self, path: str) -> bool:
        """Return whether there is such an entry."""
        return os.path.lexists(path)

    def changed_since(self, path: str, time: float) -> bool:
        """Return whether a file may have been written after a time."""
        try:
            return os.stat(path).st_ctime >= time - _CLOCK_SECONDS
        except OSError:
            return True

    def iter_files(self, folder: str) -> Iterator[str]:
        """Yield the files below a folder; nothing when it is none."""
        for parent, _, names in os.walk(folder):
            yield from (os.path.join(parent, name) for name in names)


class _Story:
    """What became of one path."""

    __slots__ = ("begun", "candidate", "existed", "exists", "opened", "read", "replaced", "written")

    def __init__(self, existed: bool, begun: int) -> None:
        self.begun = begun
        self.existed = existed
        self.exists = existed
        self.read = False
        self.replaced = False
        self.written = False
        self.opened: Optional[float] = None
        self.candidate = True


class _Moved(NamedTuple):
    """A folder: where it was, where it is now, and when it left."""

    path: str
    to: str
    when: int


class _Stories:
    """Follows accesses in their order."""

    def __init__(self) -> None:
        self.by_path: Dict[str, _Story] = {}
        self.moved: List[_Moved] = []
        self._told = 0
        self._is_sure = False

    def tell(self, access: Access) -> None:
        """Take one access into account."""
        self._told += 1
        if access.op == "m" and access.to != access.path:
            self._move(access, access.path, access.to or "")
        elif access.op == "md" and access.to != access.path:
            self._move_folder(access, access.path, access.to or "")
        elif access.op not in _RENAMED:
            self._touch(access)

    def _touch(self, access: Access) -> None:
        story = self._story(access, access.path, existed=access.op != "c")
        if access.op in ("r", "x", "rw"):
            story.read = story.read or not story.replaced
            story.exists = True
        if access.op in ("w", "a", "rw", "c"):
            story.opened = access.time if access.op != "c" and not story.written else None
            story.written = story.exists = True
        if access.op == "d":
            story.exists = story.written = False
        story.replaced = story.replaced or access.op in ("w", "c", "d")

    def _story(self, access: Access, path: str, *, existed: bool) -> _Story:
        if existed:
            self.arrived(path)
        story = self.by_path.setdefault(path, _Story(existed, self._told))
        story.candidate = story.candidate and access.candidate
        self._is_sure = self._is_sure or not access.candidate
        return story

    def arrived(self, path: str) -> None:
        """Take into account that a file that nobody made came here with its folder, if it did."""
        for old, new, when in sorted(self.moved, key=lambda moved: len(moved.to), reverse=True):
            before = old + path[len(new) :]
            here, gone = self.by_path.get(path), self.by_path.get(before)
            is_known = here is not None and here.exists
            if is_known or not path.startswith(new + "/") or (gone is not None and gone.begun < when):
                continue
            if gone is None:
                gone = self.by_path[before] = _Story(False, when)
            here = self.by_path.setdefault(path, _Story(False, self._told))
            here.written = here.replaced = here.exists = gone.existed = True
            here.opened = None
            here.candidate = gone.candidate = not self._is_sure

    def _move_folder(self, access: Access, path: str, to: str) -> None:
        for file in [file for file, story in self.by_path.items() if story.exists]:
            if file.startswith(path + "/"):
                self._move(access, file, to + file[len(path) :])
        came = [moved for moved in self.moved if (moved.to + "/").startswith(path + "/")]
        # What a folder replaces was empty: nothing is left of what came there before.
        self.moved = [
            moved for moved in self.moved if moved not in came and not (moved.to + "/").startswith(to + "/")
        ]
        self.moved += [moved._replace(to=to + moved.to[len(path) :]) for moved in came]
        if not any(moved.to == path for moved in came):
            self.moved.append(_Moved(path, to, self._told))

    def _move(self, access: Access, path: str, to: str) -> None:
        source = self._story(access, path, existed=True)
        target = self._story(access, to, existed=False)
        target.written = target.exists = True
        target.opened = None
        source.exists = source.written = False
        target.replaced = source.replaced = True


def classify(
    found: Iterable[Access],
    project: Path,
    exclude: Iterable[str] = (),
    *,
    home: Optional[Path] = None,
    disk: Optional[Disk] = None,
) -> Files:
    """Return what an action read, wrote and deleted, each in the order of the first access.

    A file that was first replaced and then read is a write only. A write to a temporary file that is then
    renamed is a write of the new name. What was made and deleted again does not appear.
    """
    disk = disk or Disk()
    interest = Interest(project, exclude, home)
    stories = _Stories()
    for access in sorted(_resolved(found, interest, disk), key=lambda access: access.time):
        stories.tell(access)
    _unfold(stories, disk)
    files = Files([], [], [])
    for path, story in stories.by_path.items():
        if interest.counts(path):
            _conclude(files, path, story, interest, disk)
    return files


def _resolved(found: Iterable[Access], interest: Interest, disk: Disk) -> Iterator[Access]:
    folders: Dict[str, str] = {}

    def resolve(path: str) -> str:
        folder, _, name = path.rpartition("/")
        if folder not in folders:
            folders[folder] = disk.resolve(folder).rstrip("/")
        return "{}/{}".format(folders[folder], name)

    for access in found:
        path = resolve(access.path)
        if access.op == "x" and interest.relative(path) is None:
            continue
        source = source_of(path) if access.op == "r" and interest.relative(path) is not None else None
        if source is not None and disk.exists(source):
            path = source
        yield access._replace(path=path, to=resolve(access.to) if access.to is not None else None)


def _unfold(stories: _Stories, disk: Disk) -> None:
    """Give each file of a renamed folder a story of its own."""
    for folder in [moved.to for moved in stories.moved]:
        for file in itertools.islice(disk.iter_files(folder), _MOST_MOVED):
            stories.arrived(file)


def _conclude(files: Files, path: str, story: _Story, interest: Interest, disk: Disk) -> None:
    relative = interest.relative(path)
    entry: Entry = {"path": path if relative is None else relative, "external": relative is None}
    if story.candidate:
        entry["candidate"] = True
    if story.read and story.existed:
        files.reads.append(dict(entry))
    if story.written and story.exists and _was_written(path, story, disk):
        files.writes.append(entry)
    if not story.exists and story.existed and relative is not None:
        files.deletes.append(relative)


def _was_written(path: str, story: _Story, disk: Disk) -> bool:
    return disk.exists(path) and (story.opened is None or disk.changed_since(path, story.opened))
