"""Turns what shells have noted in their spools into journal entries.

A spool is forgotten only when its shell is gone and all of it is in the journal. Being killed at any point
costs nothing: what was journalled last may be journalled again, under the same id. A spool may say anything, and
paths that it names count only where they name what capture itself would have put there.

Standard library only, Python 3.8 or later.
"""

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Tuple

from trailmark_capture.config import Config
from trailmark_capture.files.log import Access, accesses, classify, combine
from trailmark_capture.journal import Entry, Writer
from trailmark_capture.private import private_folder
from trailmark_capture.r.environment import SUFFIX as R_SUFFIX
from trailmark_capture.r.expressions import Expressions, contents, figures, has_process, outside, spans
from trailmark_capture.r.shown import numbered, pictures
from trailmark_capture.redact import Redactor
from trailmark_capture.shared import SharedFolder, Unusable
from trailmark_capture.shell.notes import Begin, End, Session, Shell, encode, iter_notes

SUFFIX = ".spool"
IN_MEMORY = Path("/dev/shm")
"""Each command writes to the scratch file several times; on a disk that would be felt."""
SCRATCH = ".scratch"
_PLACE = ".place"
_MOST_OFFSET = 1 << 62
_START_SECONDS = 600.0
_FOREIGN_SECONDS = 10.0
_HEAD_BYTES = 16 * 1024
_LAST_WORDS = frozenset(("exit", "logout", "exec"))

Append = Callable[[Entry], None]
Outputs = Callable[[str], List[Entry]]
Perhaps = Callable[[float, float], List[Access]]


def create(config: Config, path: Path, log: Path, files_by: str, scratch: Path) -> None:
    """Make the spool of a shell that is about to start."""
    session = Session(
        config.session or "",
        config.environment or "",
        config.engine,
        config.actor,
        str(log),
        files_by,
        str(scratch),
    )
    fd = os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    try:
        os.write(fd, encode(session))
    finally:
        os.close(fd)


class SpoolReader:
    """Journals the commands of all shells of a project, and the expressions of R in them or beside them.

    One reader works at a time; others find nothing to do.

    `append` writes an entry durably, by default into a segment of the journal of its own. `outputs` gives what
    a command has shown, by its id, where somebody has seen that. `perhaps` gives what the system tells of the
    project's files in a span of time (`Watcher.accesses`), for where the shim can't be loaded.
    """

    def __init__(
        self,
        config: Config,
        append: Optional[Append] = None,
        outputs: Optional[Outputs] = None,
        perhaps: Optional[Perhaps] = None,
    ) -> None:
        self._config = config
        self._writer = None if append else Writer(config.journal, "terminal", config.nudge)
        self._append = append or self._writer_append
        self._outputs = outputs
        self._perhaps = perhaps
        self._redactor = Redactor(path=config.secrets)
        self._expressions = Expressions(config, self._append_redacted, perhaps)
        self._shell = SharedFolder(config.shell)
        self._spools: Dict[str, "_Spool"] = {}

    def drain(self) -> int:
        """Journal what is new; return how many actions have ended. Raises OSError when that can't be written."""
        with self._alone() as is_alone:
            if not is_alone:
                return 0
            expressions = self._expressions.drain()
            names = self._shell.names(SUFFIX)
            self._spools = {name: self._spools.get(name) or _Spool(self._config, name) for name in names}
            return expressions + sum(
                self._drain(spool) for spool in self._spools.values() if self._is_ours(spool)
            )

    def _is_ours(self, spool: "_Spool") -> bool:
        """Return whether a shell is our session's, or of one that has ended without telling what its shell did.

        What a command has shown is known to its own session alone.
        """
        is_over, session = spool.is_over(), spool.session
        if session is None or not self._config.session or session.session in ("", self._config.session):
            return True
        return is_over and time.time() - spool.last_seen() > _FOREIGN_SECONDS

    def close(self) -> None:
        """Give up the segment of the journal."""
        if self._writer is not None:
            self._writer.close()

    def _append_redacted(self, entry: Entry) -> None:
        self._append(self._redactor.entry(entry))

    def _writer_append(self, entry: Entry) -> None:
        assert self._writer is not None
        self._writer.append(entry)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        try:
            fd = self._shell.open_lock("lock")
        except OSError:
            yield False
            return
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(fd)

    def _drain(self, spool: "_Spool") -> int:
        # An R may live a moment longer than the shell that it was started from, or much longer.
        is_over = spool.is_over() and not has_process(spool.r)
        ended = 0
        for end, offset in spool.read():
            self._journal_end(spool, end)
            spool.keep_place(offset)
            ended += 1
        if spool.open is not None and is_over:
            self._journal_lost(spool, spool.open)
            ended += 1
        elif spool.open is not None and spool.open.id != spool.announced:
            self._append_redacted(dict(self._begun(spool, spool.open), type="begin"))
            spool.announced = spool.open.id
        if is_over:
            ended += self._expressions.drain_folder(spool.r.name)
            spool.remove()
        return ended

    def _journal_end(self, spool: "_Spool", end: End) -> None:
        entry = self._ended(spool, end.begin, end.ended)
        entry.update(status=end.status, exit_code=int(end.exit))
        self._append_redacted(entry)
        spool.r.remove(*figures(spool.r, end.begin.started, end.ended))

    def _journal_lost(self, spool: "_Spool", begin: Begin) -> None:
        """End a command that was running when its shell died. To leave the shell is no loss."""
        words = begin.text.split()
        status = "ok" if words and words[0] in _LAST_WORDS else "lost"
        entry = self._ended(spool, begin, max(begin.started, spool.last_seen()))
        self._append_redacted(dict(entry, status=status, exit_code=None))

    def _begun(self, spool: "_Spool", begin: Begin) -> Entry:
        session = spool.session
        text = begin.text
        if begin.hidden == "1":
            text = " ".join(filter(None, (text, "… # left out of the shell's history")))
        return {
            "id": begin.id,
            "kind": "command",
            "started": begin.started,
            "tool": "terminal",
            "session": (session.session if session else self._config.session) or None,
            "engine": session.engine if session else self._config.engine,
            "environment": (session.environment if session else self._config.environment) or None,
            "actor": session.actor if session else self._config.actor,
            "source": None,
            "notebook": None,
            "cell": None,
            "language": "bash",
            "code": text,
            "title": None,
            "cwd": begin.folder,
            "files_log": str(spool.log) if spool.log else None,
            "pid": spool.shell.number if spool.shell else None,
        }

    def _ended(self, spool: "_Spool", begin: Begin, ended: float) -> Entry:
        entry = dict(self._begun(spool, begin), type="end", ended=ended, execution_count=None, error=None)
        entry.update(notebook_outputs=None, continues=None, resources=None)
        # What ran in an R that the command started is told first, and not again.
        self._expressions.drain_folder(spool.r.name)
        shown = self._outputs(begin.id) if self._outputs is not None else []
        drawn = pictures(contents(spool.r, figures(spool.r, begin.started, ended)))
        entry["outputs"] = shown + numbered(drawn, len(shown))
        entry.update(self._files(spool, begin.started, ended))
        return entry

    def _files(self, spool: "_Spool", since: float, until: float) -> Entry:
        project, exclude = self._config.project, self._config.exclude
        session = spool.session
        found: List[Access] = []
        if spool.log is not None:
            found, spool.files_offset = accesses(spool.log, spool.files_offset, since, until)
        by = session.files_by if session is not None else "none"
        told = spans(spool.r)
        files = classify(outside(found, told), project, exclude)
        if by != "shim" and self._perhaps is not None:
            perhaps = outside(self._perhaps(since, until), told)
            files = combine(files, classify(perhaps, project, exclude))
            by = "inotify" if by == "none" else by + "+inotify"
        return dict(files._asdict(), files_by=by)


class _Spool:
    """One shell's spool, and how far it has been journalled."""

    def __init__(self, config: Config, name: str) -> None:
        self._shell, self._logs = SharedFolder(config.shell), SharedFolder(config.files)
        self._name = name
        self._stem = name[: -len(SUFFIX)]
        self.r = self._shell.folder(self._stem + R_SUFFIX)
        self._size = -1
        self._offset = 0
        self.files_offset = 0
        self.session: Optional[Session] = None
        self.log: Optional[Path] = None
        self.shell: Optional[Shell] = None
        self.open: Optional[Begin] = None
        self.announced: Optional[str] = None
        self._find_place()

    def is_over(self) -> bool:
        """Return whether nothing will be added any more. To be asked before `read`."""
        if self.shell is None:
            self._introduce()
        if self.shell is not None:
            return not self.shell.is_alive()
        return time.time() - self._shell.modified(self._name) > _START_SECONDS

    def read(self) -> Iterator[Tuple[End, int]]:
        """Yield each command that has ended since the last place, with the place behind it."""
        status = self._shell.status(self._name)
        if status is not None and status.st_size == self._size:
            return
        try:
            data = self._shell.read(self._name)
        except FileNotFoundError:
            return
        except Unusable as error:
            self._shell.refuse(self._name, error.strerror)
            return
        for note, offset in iter_notes(data):
            if isinstance(note, (Session, Shell)) or offset <= self._offset:
                continue
            self.open = note if isinstance(note, Begin) else None
            if isinstance(note, End):
                yield note, offset
        self._size = len(data)

    def _introduce(self) -> None:
        with contextlib.suppress(OSError), self._shell.open(self._name) as stream:
            for note, _ in iter_notes(stream.read(_HEAD_BYTES)):
                if isinstance(note, Session):
                    self.session = note
                    log = self._logs.name_of(note.log)
                    self.log = self._logs.root / log if log is not None else None
                elif isinstance(note, Shell):
                    self.shell = note

    def keep_place(self, offset: int) -> None:
        """Remember that all up to an offset is journalled, and where the disk allows it, for the next reader too."""
        self._offset = offset
        place = json.dumps({"spool": offset, "files": self.files_offset})
        with contextlib.suppress(OSError):
            self._shell.replace(self._stem + _PLACE, place.encode("ascii"))

    def last_seen(self) -> float:
        """Return when the shell last noted something, or a program in it touched a file."""
        touched = self._logs.modified(self.log.name) if self.log is not None else 0.0
        return max(self._shell.modified(self._name), touched)

    def remove(self) -> None:
        """Remove the spool and what belongs to it; the spool first, so that nothing is journalled twice."""
        self._shell.remove(self._name, self._stem + _PLACE, self._stem + _PLACE + ".new")
        if self.log is not None:
            self._logs.remove(self.log.name)
        self._remove_scratch()
        self._shell.remove_folder(self.r.name)

    def _remove_scratch(self) -> None:
        """Remove the file where the shell's builtins print, which is in one of two folders of our own."""
        memory = private_folder(IN_MEMORY)
        for folder in (self._shell, *([SharedFolder(memory)] if memory is not None else [])):
            name = folder.name_of(self.session.scratch) if self.session is not None else None
            if name == self._stem + SCRATCH:
                folder.remove(name)

    def _find_place(self) -> None:
        place = self._shell.note(self._stem + _PLACE)
        offsets = [place.get("spool"), place.get("files")]
        if all(isinstance(offset, int) and 0 <= offset < _MOST_OFFSET for offset in offsets):
            self._offset, self.files_offset = place["spool"], place["files"]
