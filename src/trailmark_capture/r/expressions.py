"""Turns what R has noted of its expressions into journal entries.

Each expression has a file, which is removed when its entry is in the journal. Being killed at any point costs
nothing: what was journalled last may be journalled again, under the same id.

Standard library only, Python 3.8 or later.
"""

import contextlib
import json
import time
from bisect import bisect_right
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from trailmark_capture.config import Config
from trailmark_capture.files.log import Access, accesses, classify, combine
from trailmark_capture.files.opened import StillOpen
from trailmark_capture.journal import Entry
from trailmark_capture.r.environment import PROCESS, SESSION, SUFFIX
from trailmark_capture.r.notes import Head, head_of, is_alive, iter_notes, seems_done
from trailmark_capture.r.shown import Shown, error_of

_SPANS = "spans"
_FIGURE = ".figure"
_START_SECONDS = 600.0
_OUTPUTS = {"O": "stdout", "E": "stderr"}

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
        self._folders: Dict[Path, "_Folder"] = {}

    def drain(self) -> int:
        """Journal what is new; return how many expressions have ended. Raises OSError when that can't be written."""
        paths = sorted(self._config.shell.glob("*" + SUFFIX))
        self._folders = {path: self._folder(path) for path in paths}
        ended = sum(map(self.drain_folder, paths))
        for path in paths:
            if not path.with_suffix(".spool").exists() and self._folders[path].is_forgotten():
                remove(path)
        return ended

    def drain_folder(self, path: Path) -> int:
        """Journal what is new in one folder; return how many expressions have ended."""
        folder = self._folder(path)
        return sum(self._drain(folder, file) for file in sorted(path.glob("*.expression")))

    def _folder(self, path: Path) -> "_Folder":
        return self._folders.setdefault(path, _Folder(path, self._config))

    def _drain(self, folder: "_Folder", file: Path) -> int:
        head = folder.head(file)
        if head is None:
            return 0
        is_alive = head.process.is_alive()
        if is_alive and not seems_done(file):
            if file not in folder.announced:
                self._append(dict(_begun(file, head, folder.session), type="begin"))
                folder.announced.add(file)
            return 0
        noted = _Noted(file, self._config.max_output_bytes)
        if is_alive and not noted.is_done:
            return 0
        until = noted.ended if noted.ended is not None else noted.last
        entry = dict(_begun(file, head, folder.session), **noted.results(), type="end", ended=until)
        entry.update(self._files(folder, head.started, until))
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


def spans(path: Path) -> List[Span]:
    """Return when the expressions ran that were journalled from a folder: files touched then are theirs."""
    found: List[Span] = []
    with contextlib.suppress(OSError):
        for line in (path / _SPANS).read_text(encoding="ascii").splitlines():
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


def figures(path: Path, since: float = 0.0, until: float = float("inf")) -> List[Path]:
    """Return the figures that scripts noted in a folder within a span of time, oldest first."""
    found: List[Tuple[float, Path]] = []
    for file in path.glob("*" + _FIGURE):
        with contextlib.suppress(ValueError):
            at = float(file.name.partition("-")[0])
            if since <= at <= until:
                found.append((at, file))
    return [file for _, file in sorted(found)]


def has_process(path: Path) -> bool:
    """Return whether an R runs that notes in a folder."""
    return any(map(is_alive, path.glob("*" + PROCESS)))


def remove(path: Path) -> None:
    """Remove a folder with all that is in it."""
    discard(path.iterdir() if path.is_dir() else ())
    with contextlib.suppress(OSError):
        path.rmdir()


def discard(files: Iterable[Path]) -> None:
    """Remove files; it does not matter whether they are there."""
    for file in list(files):
        with contextlib.suppress(OSError):
            file.unlink()


def _begun(file: Path, head: Head, session: Mapping[str, Any]) -> Entry:
    return {
        "id": file.stem,
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
        "pid": int(head.process.pid) if head.process.pid.isdigit() else None,
    }


class _Noted:
    """All that was noted of one expression."""

    def __init__(self, file: Path, limit: int) -> None:
        self._shown = Shown(limit)
        self._status = "lost"
        self._code: Optional[str] = None
        self._message = ""
        self._is_new = False
        self._traceback: List[str] = []
        self.figures: List[Path] = []
        self.ended: Optional[float] = None
        self.last = 0.0
        self.is_done = False
        for note in iter_notes(file):
            self.last = max(self.last, note.time)
            if note.tag in _OUTPUTS:
                self._shown.add(_OUTPUTS[note.tag], note.data)
            elif note.tag == "S":
                self._status, self.ended = note.text, note.time
            elif note.tag == "F":
                self.figures.append(file.with_name(note.text))
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

    def results(self) -> Entry:
        """Return what the end of the entry says beside times and files.

        An interrupt leaves R's last error as it was, and shows none.
        """
        failed = self._status == "error" and (self._is_new or self._shown.complained(self._message))
        message = self._message if failed else ""
        results: Entry = {
            "status": "interrupted" if self._status == "error" and not failed else self._status,
            "outputs": self._shown.outputs(message, self.figures),
            "error": error_of(message, self._traceback) if failed else None,
            **dict.fromkeys(("execution_count", "exit_code", "notebook_outputs", "continues", "resources")),
        }
        return results if self._code is None else dict(results, code=self._code)


class _Folder:
    """Where one terminal, or one program that embeds R, has its expressions noted."""

    def __init__(self, path: Path, config: Config) -> None:
        self._path = path
        self._heads: Dict[Path, Head] = {}
        self._offset, self._read_until = 0, 0.0
        self._project = config.project
        self._log: Optional[Path] = None
        self.announced: Set[Path] = set()
        self.session: Mapping[str, Any] = {}
        self.still_open = StillOpen(path, config.project)

    def head(self, file: Path) -> Optional[Head]:
        """Return how an expression began; None while that is being noted."""
        if file not in self._heads:
            head = head_of(file)
            if head is None:
                if _age(file) > _START_SECONDS:
                    discard([file])
                return None
            self._heads[file] = head
            self._introduce()
        return self._heads[file]

    def _introduce(self) -> None:
        """Learn whose R this is, which is noted before any R starts."""
        if self.session:
            return
        self.session = _session(self._path)
        log = self.session.get("files_log")
        if isinstance(log, str):
            self._log = Path(log)
            self.still_open = StillOpen(self._log, self._project)

    def accesses(self, since: float, until: float) -> List[Access]:
        """Return the accesses to files in a span of time, as the shim noted them."""
        if self._log is None:
            return []
        offset = self._offset if since >= self._read_until else 0
        found, self._offset = accesses(self._log, offset, since, until)
        self._read_until = until
        return found

    def forget(self, file: Path, span: Span, shown: Iterable[Path]) -> None:
        """Note when an expression ran that is in the journal, then remove what was noted of it."""
        with contextlib.suppress(OSError), (self._path / _SPANS).open("a", encoding="ascii") as stream:
            stream.write("{!r} {!r}\n".format(*span))
        discard([file, *shown])
        self._heads.pop(file, None)
        self.announced.discard(file)

    def is_forgotten(self) -> bool:
        """Return whether nobody notes anything here any more."""
        if any(self._path.glob("*.expression")) or _age(self._path) < _START_SECONDS:
            return False
        return not has_process(self._path)


def _session(path: Path) -> Mapping[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        stored = json.loads((path / SESSION).read_text(encoding="utf-8"))
        if isinstance(stored, dict):
            return stored
    return {}


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
