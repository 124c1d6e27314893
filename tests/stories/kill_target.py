"""What the kill tests kill: a process that records or journals, and says what it promises to keep.

Started once, it forks a child for each line `MODE TOKEN` on its standard input and answers with the child's
process id. The child stops itself until it is told to go on, works, and writes the id of every action to the
file `TOKEN.acked` in its home when that action is acknowledged.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from trailmark import settings as trailmark_settings
from trailmark.activity import Action, Change, NewFile, Output, record
from trailmark.projects.drain import Drain
from trailmark.projects.project import Project, open_project
from trailmark.projects.rollback import go_back
from trailmark.projects.sweep import sweep
from trailmark_capture.journal import Writer, new_id

ACTIONS = 5
Acknowledge = Callable[[str], None]


def recording(project: Project, acknowledge: Acknowledge) -> None:
    """Record actions directly, as a command does."""
    for number in range(ACTIONS):
        files = {f"output/{number % 3}.txt": NewFile(os.urandom(8).hex().encode())}
        action = Action("cell", f"n = {number}", code="n", outputs=(Output("text/plain", os.urandom(20)),))
        acknowledge(record(project.trail, action, Change(put=files)).id)


def journalling(project: Project, acknowledge: Acknowledge) -> None:
    """Journal actions, as capture does, and drain the journal, as the recorder does."""
    writer = Writer(project.state / "journal", f"kernel-{os.getpid()}")
    drain = Drain(project)
    for number in range(ACTIONS):
        path = project.path / "output" / f"{number % 3}.txt"
        path.write_bytes(os.urandom(8).hex().encode())
        entry = _entry(f"output/{number % 3}.txt")
        writer.append({**entry, "type": "begin"})
        writer.append({**entry, "type": "end", "ended": time.time(), "status": "ok"})
        acknowledge(entry["id"])
        if number % 2:
            drain.run()
    writer.close()
    drain.run()


def changing(project: Project, acknowledge: Acknowledge) -> None:
    """Change files by hand, have that recorded, and go back now and then."""
    names: list[str] = []
    for number in range(ACTIONS):
        folder = project.path / "output" / f"folder-{number % 2}"
        folder.mkdir(exist_ok=True)
        for name in ("a.txt", "b.txt"):
            (folder / name).write_bytes(os.urandom(8).hex().encode())
        swept = sweep(project)
        assert swept is not None
        acknowledge(swept.id)
        names.append(swept.id)
        if number % 2:
            acknowledge(go_back(project, names[0]).recorded.id)


MODES: Mapping[str, Callable[[Project, Acknowledge], None]] = {
    "record": recording,
    "journal": journalling,
    "change": changing,
}


def _entry(path: str) -> dict[str, object]:
    facts = {"id": new_id(), "kind": "cell", "started": time.time(), "tool": "jupyterlab", "actor": "person"}
    return {**facts, "code": "write()", "writes": [{"path": path}]}


def _work(project_path: Path, mode: str, token: str) -> None:
    fd = os.open(project_path.parent / f"{token}.acked", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.kill(os.getpid(), signal.SIGSTOP)
    project = open_project(project_path, trailmark_settings.load(os.environ))
    MODES[mode](project, lambda identity: os.write(fd, f"{identity}\n".encode()) and None)


def serve(project_path: Path) -> None:
    """Fork a child for each line of standard input."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                _work(project_path, *line.split())
            finally:
                os._exit(0)
        print(pid, flush=True)
        os.waitpid(pid, os.WUNTRACED)
        print("stopped", flush=True)
        _, status = os.waitpid(pid, 0)
        print("killed" if os.WIFSIGNALED(status) else "done", flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
