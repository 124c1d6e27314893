"""Turns what R has noted of its expressions into journal entries.

Each expression has a file, which is removed when its entry is in the journal. Being killed at any point costs
nothing: what was journalled last may be journalled again, under the same id. What an R noted may be anything, and
what is no note is skipped.

Standard library only, Python 3.8 or later.
"""

import contextlib
import itertools
import re
import time
from bisect import bisect_right
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Set, Tuple

from trailmark_capture.config import Config
from trailmark_capture.files.log import Access, accesses, classify, combine
from trailmark_capture.files.opened import StillOpen
from trailmark_capture.journal import Entry, is_id
from trailmark_capture.r.environment import PROCESS, SESSION, SUFFIX
from trailmark_capture.r.notes import Head, Note, head_of, is_alive, iter_notes, seems_done
from trailmark_capture.r.shown import Shown, error_of
from trailmark_capture.shared import SharedFolder, Unusable

_EXPRESSION = ".expression"
_SPANS = "spans"
_FIGURE = ".figure"
_MOST_FIGURES = 60
_FIGURE_BYTES = 64 * 1024 * 1024
_MOST_SPANS = 64 * 1024 * 1024
_PROCESS_BYTES = 4096
_START_SECONDS = 600.0
_COUNT = re.compile("[0-9]{1,18}")
_OUTPUTS = {"O": "stdout", "E": "stderr"}
# By what was noted of the end, and whether there was an error: the status, and whether the error is told.
_ENDED = {
    ("error", True): ("error", True),
    ("error", False): ("interrupted", False),
    ("unsure", True): ("error", True),
    ("unsure", False): ("ok", False),
}

Append = Callable[[Entry], None]
Perhaps = Callable[[float, float], List[Access]]
Span = Tuple[float, float]


class Expressions:
    """Journals the expressions of all R processes of a project. One reader works at a time.

    `append` writes an entry durably, without the values of secrets. `perhaps` gives what the system tells of the
    project's files in a span of time, for where the shim can't be loaded.
    """

    def __init__(self, config: Config, append: Append, perhaps: Optional[Perhaps] = None) -> None:
        self._config = config
        self._append = append
        self._perhaps = perhaps
        self._shell = SharedFolder(config.shell)
        self._folders: Dict[str, "_Folder"] = {}

    def drain(self) -> int:
        """Journal what is new; return how many expressions have ended. Raises OSError when that can't be written."""
        names = self._shell.names(SUFFIX)
        self._folders = {name: self._folder(name) for name in names}
        ended = sum(map(self.drain_folder, names))
        for name in names:
            spool = name[: -len(SUFFIX)] + ".spool"
            if self._shell.status(spool) is None and self._folders[name].is_forgotten():
                self._shell.remove_folder(name)
        return ended

    def drain_folder(self, name: str) -> int:
        """Journal what is new in one folder; return how many expressions have ended."""
        folder = self._folder(name)
        return sum(self._drain(folder, file) for file in folder.expressions())

    def _folder(self, name: str) -> "_Folder":
        return self._folders.setdefault(name, _Folder(self._shell.folder(name), self._config))

    def _drain(self, folder: "_Folder", file: str) -> int:
        try:
            return self._journal(folder, file)
        except _NotReadable as problem:
            folder.drop(file, problem)
            return 0

    def _journal(self, folder: "_Folder", file: str) -> int:
        head = folder.head(file)
        if head is None:
            return 0
        is_alive = head.process.is_alive()
        with folder.opened(file) as stream:
            is_open = is_alive and not seems_done(stream)
        if is_open:
            if file not in folder.announced:
                self._append(dict(_begun(file, head, folder.session), type="begin"))
                folder.announced.add(file)
            return 0
        with folder.opened(file) as stream:
            noted = _Noted(iter_notes(stream), self._config.max_output_bytes)
        if is_alive and not noted.is_done:
            return 0
        until = noted.ended if noted.ended is not None else noted.last
        entry = dict(_begun(file, head, folder.session), **noted.results(folder.figures(noted.figures)))
        entry.update(self._files(folder, head.started, until), type="end", ended=until)
        self._append(entry)
        folder.forget(file, (head.started, until), noted.figures)
        return 1

    def _files(self, folder: "_Folder", since: float, until: float) -> Entry:
        project, exclude = self._config.project, self._config.exclude
        found, by = folder.accesses(since, until), str(folder.session.get("files_by") or "none")
        files = classify(found, project, exclude)
        files = files._replace(writes=folder.still_open.marked(files.writes, found))
        if by != "shim" and self._perhaps is not None:
            files = combine(files, classify(self._perhaps(since, until), project, exclude))
            by = "inotify" if by == "none" else by + "+inotify"
        return dict(files._asdict(), files_by=by)


def spans(folder: SharedFolder) -> List[Span]:
    """Return when the expressions ran that were journalled from a folder: files touched then are theirs."""
    found: List[Span] = []
    with contextlib.suppress(OSError):
        for line in folder.read(_SPANS, _MOST_SPANS).splitlines():
            with contextlib.suppress(ValueError):
                since, until = map(float, line.split())
                found.append((since, until))
    return found


def outside(found: Iterable[Access], spans: Iterable[Span]) -> List[Access]:
    """Return the accesses that belong to none of some spans of time."""
    apart: List[Span] = []
    for since, until in sorted(spans):
        if apart and since <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(until, apart[-1][1]))
        else:
            apart.append((since, until))
    starts = [since for since, _ in apart]

    def is_outside(access: Access) -> bool:
        before = bisect_right(starts, access.time) - 1
        return before < 0 or access.time > apart[before][1]

    return [access for access in found if is_outside(access)]


def figures(folder: SharedFolder, since: float = 0.0, until: float = float("inf")) -> List[str]:
    """Return the names of the figures that scripts noted in a folder within a span of time, oldest first."""
    found: List[Tuple[float, str]] = []
    for name in folder.names(_FIGURE):
        with contextlib.suppress(ValueError):
            at = float(name.partition("-")[0])
            if since <= at <= until:
                found.append((at, name))
    return [name for _, name in sorted(found)]


def contents(folder: SharedFolder, names: Iterable[str]) -> List[bytes]:
    """Return what figures of these names hold; those that are gone, or are no files in the folder, are left out."""
    found: List[bytes] = []
    for name in itertools.islice(dict.fromkeys(names), _MOST_FIGURES):
        with contextlib.suppress(OSError):
            found.append(folder.read(name, _FIGURE_BYTES))
    return list(filter(None, found))


def has_process(folder: SharedFolder) -> bool:
    """Return whether an R runs that notes in a folder."""
    for name in folder.names(PROCESS):
        with contextlib.suppress(OSError):
            if is_alive(folder.read(name, _PROCESS_BYTES)):
                return True
    return False


class _NotReadable(Exception):
    """What should hold an expression holds none, and never will."""


def _begun(file: str, head: Head, session: Mapping[str, Any]) -> Entry:
    return {
        "id": _id_of(file),
        "kind": "expression",
        "started": head.started,
        "tool": session.get("tool") or "terminal",
        "session": session.get("session"),
        "engine": session.get("engine") or "local",
        "environment": session.get("environment"),
        "actor": session.get("actor") or "person",
        "source": None,
        "notebook": None,
        "cell": None,
        "language": "r",
        "code": head.typed,
        "title": None,
        "cwd": head.folder,
        "files_log": session.get("files_log"),
        "pid": head.process.number,
    }


class _Noted:
    """All that was noted of one expression."""

    def __init__(self, notes: Iterable[Note], limit: int) -> None:
        self._shown = Shown(limit)
        self._status = "lost"
        self._code: Optional[str] = None
        self._message = ""
        self._is_new = False
        self._traceback: List[str] = []
        self.figures: List[str] = []
        self.ended: Optional[float] = None
        self.last = 0.0
        self.is_done = False
        for note in notes:
            self.last = max(self.last, note.time)
            if note.tag in _OUTPUTS:
                self._shown.add(_OUTPUTS[note.tag], note.data)
            elif note.tag == "S":
                self._status, self.ended = note.text, note.time
            elif note.tag == "F":
                self.figures.append(note.text)
            else:
                self._take(note.tag, note.text)

    def _take(self, tag: str, text: str) -> None:
        if tag == "C":
            self._code = text
        elif tag == "M":
            self._message = text
        elif tag == "N":
            self._is_new = True
        elif tag == "T":
            self._traceback.append(text)
        elif tag == "D":
            self.is_done = True
        elif tag == "L" and _COUNT.fullmatch(text):
            self._shown.leave_out(int(text))

    def results(self, figures: Iterable[bytes]) -> Entry:
        """Return what the end of the entry says beside times and files; `figures` are those that it names.

        An interrupt leaves R's last error as it was, and shows none. Where R said nothing of the end, an expression
        without an error of its own ended well.
        """
        is_failed = self._is_new or self._shown.complained(self._message)
        status, failed = _ENDED.get((self._status, is_failed), (self._status, False))
        message = self._message if failed else ""
        results: Entry = {
            "status": status,
            "outputs": self._shown.outputs(message, figures),
            "error": error_of(message, self._traceback) if failed else None,
            **dict.fromkeys(("execution_count", "exit_code", "notebook_outputs", "continues", "resources")),
        }
        return results if self._code is None else dict(results, code=self._code)


class _Folder:
    """Where one terminal, or one program that embeds R, has its expressions noted."""

    def __init__(self, folder: SharedFolder, config: Config) -> None:
        self._folder = folder
        self._heads: Dict[str, Head] = {}
        self._offset, self._read_until = 0, 0.0
        self._project = config.project
        self._logs = SharedFolder(config.files)
        self._log: Optional[Path] = None
        self.announced: Set[str] = set()
        self.session: Mapping[str, Any] = {}
        self.still_open = StillOpen(config.files, config.project)

    def expressions(self) -> List[str]:
        """Return the names of the files that hold an expression each."""
        return self._folder.names(_EXPRESSION)

    def head(self, file: str) -> Optional[Head]:
        """Return how an expression began; None while that is being noted."""
        if file not in self._heads:
            if not is_id(_id_of(file)):
                raise _NotReadable("that is no name of an expression")
            with self.opened(file) as stream:
                head = head_of(stream)
            if head is None:
                if time.time() - self._folder.modified(file) > _START_SECONDS:
                    self._folder.remove(file)
                return None
            self._heads[file] = head
            self._introduce()
        return self._heads[file]

    @contextlib.contextmanager
    def opened(self, file: str) -> Iterator[BinaryIO]:
        """Open a file with notes."""
        try:
            stream = self._folder.open(file)
        except (FileNotFoundError, Unusable) as error:
            raise _NotReadable(error.strerror) from error
        with stream:
            yield stream

    def figures(self, names: Iterable[str]) -> List[bytes]:
        """Return what the figures of these names hold."""
        return contents(self._folder, names)

    def _introduce(self) -> None:
        """Learn whose R this is, which is noted before any R starts."""
        if self.session:
            return
        session = self._folder.note(SESSION)
        log = self._logs.name_of(session.get("files_log"))
        self.session = dict(session, files_log=str(self._logs.root / log) if log is not None else None)
        if log is not None:
            self._log = self._logs.root / log
            self.still_open = StillOpen(self._log, self._project)

    def accesses(self, since: float, until: float) -> List[Access]:
        """Return the accesses to files in a span of time, as the shim noted them."""
        if self._log is None:
            return []
        offset = self._offset if since >= self._read_until else 0
        found, self._offset = accesses(self._log, offset, since, until)
        self._read_until = until
        return found

    def forget(self, file: str, span: Span, shown: Iterable[str]) -> None:
        """Note when an expression ran that is in the journal, then remove what was noted of it."""
        with contextlib.suppress(OSError):
            self._folder.append(_SPANS, "{!r} {!r}\n".format(*span).encode("ascii"))
        self._folder.remove(file, *shown)
        self._heads.pop(file, None)
        self.announced.discard(file)

    def drop(self, file: str, why: object) -> None:
        """Say that a file is skipped that holds no expression, and remove it."""
        self._folder.refuse(file, why)

    def is_forgotten(self) -> bool:
        """Return whether nobody notes anything here any more."""
        if self.expressions() or self._folder.age() < _START_SECONDS:
            return False
        return not has_process(self._folder)


def _id_of(file: str) -> str:
    return file[: -len(_EXPRESSION)]
