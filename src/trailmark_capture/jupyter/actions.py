"""What a follower gathers of one action, and the journal entries that it makes (pure)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trailmark_capture.jupyter.outputs import Outputs
from trailmark_capture.jupyter.requests import Request

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """The cell that an output belongs to."""

    id: str
    notebook: str | None
    cell: str | None


@dataclass(frozen=True, slots=True)
class Accesses:
    """Files that were read, written and deleted, in the journal's form."""

    reads: list[Entry] = field(default_factory=list)
    writes: list[Entry] = field(default_factory=list)
    deletes: list[str] = field(default_factory=list)
    by: str = "none"

    def __bool__(self) -> bool:
        return bool(self.reads or self.writes or self.deletes)

    @classmethod
    def merged(cls, found: Iterable["Accesses"]) -> "Accesses":
        """Return the files of several spans of time, each once."""
        several = list(found)
        return cls(
            reads=list({entry["path"]: entry for files in several for entry in files.reads}.values()),
            writes=list({entry["path"]: entry for files in several for entry in files.writes}.values()),
            deletes=list(dict.fromkeys(path for files in several for path in files.deletes)),
            by=several[0].by if several else "none",
        )


@dataclass
class Action:
    """A cell that is running. `process` tells the kernel's process from the one before it.

    `shows_interrupts` says whether the kernel shows an error when it is interrupted; IRkernel shows nothing.

    `facts` are the fields that all entries of its kernel share.
    """

    id: str
    request: Request
    started: float
    outputs: Outputs
    notebook: str | None
    count: int | None = None
    process: str = ""
    interrupted: bool = False
    shows_interrupts: bool = True

    @property
    def origin(self) -> Origin:
        """The cell, for what it shows later."""
        return Origin(self.id, self.notebook, self.request.cell)

    @property
    def status(self) -> str:
        """How the cell ended, going by what it has shown."""
        failure = self.outputs.failure()
        if failure is None:
            return "interrupted" if self.interrupted and not self.shows_interrupts else "ok"
        return "interrupted" if self.interrupted or failure.name == "KeyboardInterrupt" else "error"

    def begin(self, facts: Mapping[str, Any]) -> Entry:
        """Return the entry of a cell that has started."""
        cell = self.request.cell
        return {
            **facts,
            "type": "begin",
            "id": self.id,
            "kind": "cell",
            "started": self.started,
            "source": _source(self.notebook, cell),
            "notebook": self.notebook,
            "cell": cell,
            "code": self.request.code,
            "title": None,
            "continues": None,
        }

    def end(
        self, facts: Mapping[str, Any], at: float, status: str, files: Accesses, *, save_expected: bool
    ) -> Entry:
        """Return the entry of a cell that is over."""
        outputs, in_notebook = self.outputs.render()
        return {
            **self.begin(facts),
            **_results(self.outputs, at, status, files),
            "execution_count": self.count,
            "outputs": outputs,
            "notebook_outputs": in_notebook,
            "save_expected": save_expected,
        }


@dataclass
class Late:
    """What is shown for a cell after it has ended, gathered until it is quiet.

    `open` are the callbacks that run, by message, since when; `spans` are those that are over.
    """

    id: str
    origin: Origin
    title: str
    started: float
    last: float
    outputs: Outputs
    open: dict[str, float] = field(default_factory=dict)
    spans: list[tuple[float, float]] = field(default_factory=list)
    begun: bool = False

    def begin(self, facts: Mapping[str, Any]) -> Entry:
        """Return the entry of a callback that takes long.

        It names its notebook in `source` alone: a notebook's cell is not to be replaced by what came later.
        """
        return {
            **facts,
            "type": "begin",
            "id": self.id,
            "kind": "cell",
            "started": self.started,
            "source": _source(self.origin.notebook, self.origin.cell),
            "notebook": None,
            "cell": None,
            "code": "",
            "title": self.title,
            "continues": self.origin.id,
        }

    def end(self, facts: Mapping[str, Any], status: str, files: Accesses) -> Entry:
        """Return the entry of what came late."""
        at = max([self.last, *(until for _, until in self.spans)])
        if status == "ok" and self.outputs.failure() is not None:
            status = "error"
        return {
            **self.begin(facts),
            **_results(self.outputs, at, status, files),
            "execution_count": None,
            "outputs": self.outputs.render()[0],
            "notebook_outputs": None,
            "save_expected": False,
        }


def note(facts: Mapping[str, Any], identity: str, at: float, notebook: str | None, text: str) -> Entry:
    """Return the entry of something that happened to a kernel and is no cell."""
    shown = {"mime": "text/markdown", "name": None, "group": 0, "text": text}
    return {
        **facts,
        **_results(Outputs(0), at, "ok", Accesses()),
        "id": identity,
        "kind": "note",
        "started": at,
        "source": notebook,
        "notebook": None,
        "cell": None,
        "code": "",
        "title": text,
        "continues": None,
        "outputs": [shown],
        "notebook_outputs": None,
        "save_expected": False,
    }


def _results(outputs: Outputs, at: float, status: str, files: Accesses) -> Entry:
    failure = outputs.failure()
    return {
        "type": "end",
        "ended": at,
        "status": status,
        "error": failure.plain() if failure is not None else None,
        "reads": files.reads,
        "writes": files.writes,
        "deletes": files.deletes,
        "files_by": files.by,
        "exit_code": None,
        "resources": None,
    }


def _source(notebook: str | None, cell: str | None) -> str | None:
    return f"{notebook}#{cell}" if notebook and cell else notebook
