"""Synthetic trails: repositories with many records, as `record` would have written them, made fast.

Nothing in them is timed or durable; their format is that of `trailmark.activity`, whose own functions write it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trailmark.activity import FileRef, OutputRef, Record, RecordId
from trailmark.activity.model import Kind, Status
from trailmark.activity.store import entry_message, message_of, path_of
from trailmark.activity.trail import RECORDS
from trailmark.git import Oid, Repository
from trailmark.testing.packs import LooseSink, ObjectSink, PackSink
from trailmark_capture.journal import new_id

AUTHOR = "Ada Lovelace <ada@example.org>"
START = 1_750_000_000.0
_WORDS = (
    "frame",
    "column",
    "mean",
    "model",
    "sample",
    "fit",
    "plot",
    "axis",
    "table",
    "join",
    "group",
    "rate",
    "index",
    "value",
    "series",
    "figure",
    "noise",
    "signal",
    "load",
    "parse",
    "merge",
    "filter",
    "score",
    "train",
    "split",
    "error",
    "depth",
    "cell",
    "gene",
    "count",
    "dose",
    "curve",
    "slope",
    "window",
    "step",
)
_TAILS = ("a", "b", "raw", "clean", "2024", "final", "norm", "log", "left", "right", "min", "max")
_COMMON: tuple[Kind, ...] = ("cell",) * 14
_KINDS: tuple[Kind, ...] = (*_COMMON, "command", "command", "command", "run", "note", "files")
_TOOLS = {"cell": "jupyterlab", "command": "terminal"}
_STATUSES: tuple[Status, ...] = ("ok",) * 18 + ("error", "interrupted")
_FAN = 28


@dataclass(frozen=True)
class TrailShape:
    """How large a synthetic trail is. Half of the records change a file; `seconds` lie between two of them."""

    records: int
    files: int = 100
    packed: bool = True
    device: str = "desk"
    seconds: float = 137.0
    seed: int = 1


def make_trail(path: Path, shape: TrailShape) -> Repository:
    """Make a repository with a trail at `path`. The work tree stays empty."""
    repository = Repository.init(path)
    objects = repository.git_folder / "objects"
    sink: ObjectSink = PackSink(objects) if shape.packed else LooseSink(objects)
    maker = _Maker(sink, shape)
    for number in range(shape.records):
        maker.add(number)
    sink.close()
    for name, oid in (("refs/heads/main", maker.commit), (RECORDS + shape.device, maker.entry)):
        if oid is not None:
            ref = repository.git_folder / name
            ref.parent.mkdir(parents=True, exist_ok=True)
            ref.write_text(f"{oid}\n", encoding="ascii")
    return Repository.open(path)


class _Folder:
    """A folder that remembers its tree until something in it changes."""

    def __init__(self) -> None:
        self.items: dict[str, _Folder | tuple[str, Oid]] = {}
        self._oid: Oid | None = None

    def put(self, path: str, mode: str, oid: Oid) -> None:
        """Put an entry at a path below."""
        name, _, rest = path.partition("/")
        self._oid = None
        if not rest:
            self.items[name] = (mode, oid)
            return
        below = self.items.setdefault(name, _Folder())
        assert isinstance(below, _Folder)
        below.put(rest, mode, oid)

    def write(self, sink: ObjectSink) -> Oid:
        """Store the folder's tree, and those of the folders below that changed."""
        if self._oid is None:
            self._oid = sink.write("tree", b"".join(self._lines(sink)))
        return self._oid

    def _lines(self, sink: ObjectSink) -> Iterator[bytes]:
        for name in sorted(self.items, key=self._sort_key):
            item = self.items[name]
            mode, oid = ("40000", item.write(sink)) if isinstance(item, _Folder) else item
            yield f"{mode} {name}\0".encode() + bytes.fromhex(oid)

    def _sort_key(self, name: str) -> str:
        item = self.items[name]
        return f"{name}/" if isinstance(item, _Folder) or item[0] == "40000" else name


class _Maker:
    def __init__(self, sink: ObjectSink, shape: TrailShape) -> None:
        self._sink = sink
        self._shape = shape
        self._random = random.Random(shape.seed)
        self._files = _Folder()
        self._records = _Folder()
        self.commit: Oid | None = None
        self.entry: Oid | None = None
        for number in range(shape.files):
            self._put_file(_file_name(number), f"{number}\n")

    def add(self, number: int) -> None:
        """Add one record, its commit and its entry."""
        started = START + number * self._shape.seconds
        record, tree = self._record(number, started)
        message = message_of(record, tree)
        who = f"{AUTHOR} {int(started + record.seconds)} +0000"
        self.commit = self._commit(self._files.write(self._sink), [self.commit], message, who)
        self._records.put(path_of(record.id), "40000", tree)
        entry = entry_message(message, self.commit, "refs/heads/main")
        self.entry = self._commit(self._records.write(self._sink), [self.entry, self.commit], entry, who)

    def _record(self, number: int, started: float) -> tuple[Record, Oid]:
        kind = self._random.choice(_KINDS)
        code, text = self._code(), self._text(kind)
        status = self._random.choice(_STATUSES) if kind in ("cell", "run", "command") else "ok"
        notebook = f"code/analysis-{number * 7 % 40}.ipynb"
        record = Record(
            id=RecordId(new_id(started)),
            kind=kind,
            title=code.split("\n")[0],
            status=status,
            started=started,
            seconds=round(self._random.expovariate(1), 3),
            author=AUTHOR,
            tool=_TOOLS.get(kind, "trailmark"),
            engine="local",
            source=f"{notebook}#cell-{number % 30}" if kind == "cell" else None,
            language="python" if kind == "cell" else "bash",
            execution_count=number % 90 if kind == "cell" else None,
            reads=(self._file_ref(),),
            writes=(self._written(number),) if number % 2 else (),
            outputs=(_output_ref(text),),
        )
        return record, self._store(record, code, text)

    def _store(self, record: Record, code: str, text: str) -> Oid:
        texts = {"record.json": record.to_json(), "code": code.encode(), "text": text.encode()}
        if record.status == "error":
            texts["error"] = f"Traceback\nValueError: {self._words(4)}".encode()
        folder = _Folder()
        for name, data in texts.items():
            folder.put(name, "100644", self._sink.write("blob", data))
        folder.put("outputs/000.txt", "100644", self._sink.write("blob", text.encode()))
        return folder.write(self._sink)

    def _written(self, number: int) -> FileRef:
        path = _file_name(self._random.randrange(max(1, self._shape.files)))
        content = f"{number} {self._words(3)}\n"
        self._put_file(path, content)
        return FileRef(path, hashlib.sha256(content.encode()).hexdigest(), len(content))

    def _file_ref(self) -> FileRef:
        path = _file_name(self._random.randrange(max(1, self._shape.files)))
        return FileRef(path, hashlib.sha256(path.encode()).hexdigest(), 100)

    def _put_file(self, path: str, content: str) -> None:
        self._files.put(path, "100644", self._sink.write("blob", content.encode()))

    def _commit(self, tree: Oid, parents: list[Oid | None], message: str, who: str) -> Oid:
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents if parent)]
        text = "\n".join([*lines, f"author {who}", f"committer {who}", "", message])
        return self._sink.write("commit", text.encode())

    def _code(self) -> str:
        return "\n".join(self._statement() for _ in range(self._random.randint(1, 8)))

    def _statement(self) -> str:
        one, other = self._random.choice(_WORDS), self._random.choice(_WORDS)
        return (
            f"{one}_{self._random.choice(_TAILS)} = {other}.{self._random.choice(_WORDS)}({self._words(2)!r})"
        )

    def _text(self, kind: str) -> str:
        return "\n".join(self._words(8) for _ in range(self._random.randint(1, 2 if kind == "note" else 12)))

    def _words(self, number: int) -> str:
        chosen = (self._random.choice(_WORDS) for _ in range(number - 1))
        return f"{' '.join(chosen)} {self._random.randrange(100_000)}"


def _output_ref(text: str) -> OutputRef:
    data = text.encode()
    return OutputRef(
        "text/plain", len(data), hashlib.sha256(data).hexdigest(), "outputs/000.txt", "stdout", 0
    )


def _file_name(number: int) -> str:
    return f"output/{number // _FAN // _FAN:02d}/{number // _FAN % _FAN:02d}/{number % _FAN:02d}.csv"
