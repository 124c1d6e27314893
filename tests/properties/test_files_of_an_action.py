"""Whatever a program does with files, its log says what it read, wrote and deleted."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from trailmark_capture.files.log import Access, Disk, classify, decode, encode

ROOT = "/project"
FOLDERS = ["", "/a", "/b", "/a/c"]
PATHS = [f"{ROOT}{folder}/{name}" for folder in FOLDERS for name in ("x", "y")] + [
    "/elsewhere/x",
    "/elsewhere/y",
]
MOVABLE = [f"{ROOT}/a", f"{ROOT}/b", f"{ROOT}/a/c", f"{ROOT}/d"]

Step = tuple[str, str, str]
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["read", "write", "append", "update", "delete"]),
            st.sampled_from(PATHS),
            st.just(""),
        ),
        st.tuples(st.just("rename"), st.sampled_from(PATHS), st.sampled_from(PATHS)),
        st.tuples(st.just("move"), st.sampled_from(MOVABLE), st.sampled_from(MOVABLE)),
    ),
    max_size=25,
)


@dataclass
class Machine(Disk):
    """A file system that keeps a log as the shim does, and knows the truth as well."""

    before: frozenset[str]
    now: set[str]
    log: list[Access] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    replaced: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)

    def note(self, op: str, path: str, to: str | None = None) -> None:
        self.log.append(Access(float(len(self.log)), 1, op, path, to))

    def do(self, what: str, path: str, to: str) -> None:
        getattr(self, what)(path, to)

    def read(self, path: str, _: str) -> None:
        if path in self.now:
            self.note("r", path)
            self._has_read(path)

    def write(self, path: str, _: str) -> None:
        self.note("w" if path in self.now else "c", path)
        self._has_replaced(path)

    def append(self, path: str, _: str) -> None:
        self.note("a" if path in self.now else "c", path)
        self._has_changed(path)

    def update(self, path: str, _: str) -> None:
        self.note("rw" if path in self.now else "c", path)
        if path in self.now:
            self._has_read(path)
        self._has_changed(path)

    def delete(self, path: str, _: str) -> None:
        if path in self.now:
            self.note("d", path)
            self.now.discard(path)
            self.touched.add(path)
            self.replaced.add(path)

    def rename(self, path: str, to: str) -> None:
        if path not in self.now or path == to:
            return
        if to in self.now:
            self.note("d", to)
        self.note("m", path, to)
        self._has_moved(path, to)

    def move(self, folder: str, to: str) -> None:
        below = [path for path in self.now if path.startswith(folder + "/")]
        is_taken = any(path.startswith(to + "/") for path in self.now)
        if not below or is_taken or (to + "/").startswith(folder + "/"):
            return
        self.note("md", folder, to)
        for path in below:
            self._has_moved(path, to + path[len(folder) :])

    def _has_read(self, path: str) -> None:
        if path not in self.replaced:
            self.reads.add(path)

    def _has_changed(self, path: str) -> None:
        if path not in self.now:
            self.replaced.add(path)
        self.now.add(path)
        self.touched.add(path)

    def _has_replaced(self, path: str) -> None:
        self.now.discard(path)
        self._has_changed(path)

    def _has_moved(self, path: str, to: str) -> None:
        self.now.discard(path)
        self.touched.add(path)
        self.replaced.add(path)
        self._has_replaced(to)

    def resolve(self, folder: str) -> str:
        return folder

    def exists(self, path: str) -> bool:
        return path in self.now

    def changed_since(self, path: str, time: float) -> bool:
        return True

    def iter_files(self, folder: str) -> Iterator[str]:
        return (file for file in sorted(self.now) if file.startswith(folder + "/"))


@settings(max_examples=500, deadline=None)
@given(st.frozensets(st.sampled_from(PATHS)), STEPS)
def test_reads_writes_and_deletes_are_what_happened(before: frozenset[str], steps: list[Step]) -> None:
    machine = Machine(before, set(before))
    for step in steps:
        machine.do(*step)
    files = classify(machine.log, Path(ROOT), home=Path("/home/ada"), disk=machine)

    def whole(entry: dict[str, object]) -> str:
        return str(entry["path"]) if entry["external"] else f"{ROOT}/{entry['path']}"

    assert {whole(entry) for entry in files.reads} == machine.reads
    assert {whole(entry) for entry in files.writes} == machine.touched & machine.now
    deleted = {path for path in machine.before - machine.now if path.startswith(ROOT + "/")}
    assert {f"{ROOT}/{path}" for path in files.deletes} == deleted


NAMES = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), min_size=1).map(
    "/".__add__
)


@settings(deadline=None)
@given(st.floats(1, 4e9), st.integers(1, 2**22), st.sampled_from(["r", "w", "a", "rw", "c", "d"]), NAMES)
def test_a_line_holds_any_path(time: float, pid: int, op: str, path: str) -> None:
    line = encode(Access(time, pid, op, path))
    assert line.count(b"\n") == 1
    found = decode(line[:-1])
    assert found is not None
    assert found[1:] == (pid, op, path, None, False)
    assert abs(found.time - time) < 1e-6


@settings(deadline=None)
@given(st.sampled_from(["m", "md"]), NAMES, NAMES)
def test_a_line_holds_any_renaming(op: str, path: str, to: str) -> None:
    access = Access(1.5, 1, op, path, to)
    assert decode(encode(access)[:-1]) == access


@settings(deadline=None)
@given(st.binary())
def test_a_torn_line_is_no_access(line: bytes) -> None:
    found = decode(line.replace(b"\n", b""))
    assert found is None or found.path.startswith("/")
