"""A project as a state machine: whatever a person does to the files, going back is exact and loses nothing."""

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from trailmark.projects.new import new_project
from trailmark.projects.rollback import go_back
from trailmark.projects.sweep import sweep
from trailmark.settings import Person, Settings

LIMIT = 300
PATHS = ["a", "a", "d", "d/x", "d/x", "d/e/z", "code/m.ipynb", "n.log", "d/l.log", "tmp/x"]
IGNORED = "*.log\ntmp/\n"


def look(root: Path) -> dict[str, tuple[str, bytes]]:
    """Return every file below a folder: its kind and its content."""
    found = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if Path(folder, name) != root / ".git"]
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in [*names, *links]:
            path = Path(folder, name)
            relative = path.relative_to(root).as_posix()
            if path.is_symlink():
                found[relative] = ("link", os.fsencode(os.readlink(path)))
            else:
                kind = "program" if os.access(path, os.X_OK) else "file"
                found[relative] = (kind, path.read_bytes())
    return found


def is_held(path: str, kind: str, data: bytes) -> bool:
    """Say what git should hold of a project with these rules."""
    ignored = path.endswith(".log") or path.startswith("tmp/")
    return not ignored and (kind == "link" or len(data) <= LIMIT)


class History(RuleBasedStateMachine):
    records = Bundle("records")

    @initialize(target=records)
    def begin(self):
        self.home = Path(tempfile.mkdtemp(prefix="history-"))
        chosen = Settings(
            home=self.home,
            projects=self.home / "projects",
            owner="ada",
            person=Person("Ada", "ada@example.org"),
            device="desk",
            max_file_bytes=LIMIT,
        )
        self.project = new_project("work", chosen)
        (self.root / ".gitignore").write_text(IGNORED)
        self.expected = {}
        return self.swept()

    def teardown(self):
        if hasattr(self, "home"):
            shutil.rmtree(self.home)

    @property
    def root(self) -> Path:
        return self.project.path

    def held(self):
        return {path: seen for path, seen in look(self.root).items() if is_held(path, *seen)}

    def swept(self):
        recorded = sweep(self.project)
        assert recorded is not None
        self.expected[recorded.id] = self.held()
        return recorded.id

    def clear(self, path):
        """Take away whatever is in the way of a file, as a person would."""
        whole = self.root / path
        for parent in [*reversed(whole.relative_to(self.root).parents)][1:]:
            if (self.root / parent).is_symlink() or (self.root / parent).is_file():
                (self.root / parent).unlink()
        if whole.is_dir() and not whole.is_symlink():
            shutil.rmtree(whole)
        elif os.path.lexists(whole):
            whole.unlink()
        whole.parent.mkdir(parents=True, exist_ok=True)
        return whole

    @rule(path=st.sampled_from(PATHS), data=st.binary(max_size=20), executable=st.booleans())
    def write(self, path, data, executable):
        whole = self.clear(path)
        whole.write_bytes(data)
        whole.chmod(0o755 if executable else 0o644)

    @rule(path=st.sampled_from(PATHS), byte=st.integers(0, 255))
    def write_large(self, path, byte):
        self.clear(path).write_bytes(bytes([byte]) * (LIMIT + 1 + byte))

    @rule(path=st.sampled_from(PATHS), points_to=st.sampled_from(["a", "d", "nowhere", "..", "/etc/passwd"]))
    def link(self, path, points_to):
        self.clear(path).symlink_to(points_to)

    @rule(path=st.sampled_from(PATHS))
    def remove(self, path):
        if look(self.root).keys() & {path}:
            (self.root / path).unlink()

    @rule(old=st.sampled_from(PATHS), new=st.sampled_from(PATHS))
    def rename(self, old, new):
        apart = old != new and not new.startswith(f"{old}/") and not old.startswith(f"{new}/")
        if apart and look(self.root).keys() & {old}:
            self.clear(new)
            if os.path.lexists(self.root / old):
                (self.root / old).rename(self.root / new)

    @rule(target=records)
    def sweep(self):
        recorded = sweep(self.project)
        now = self.held()
        newest = list(self.expected)[-1]
        if recorded is None:
            assert now == self.expected[newest]
            return newest
        self.expected[recorded.id] = now
        return recorded.id

    @rule(record=records)
    def back(self, record):
        before = look(self.root)
        altered = go_back(self.project, record)
        after = look(self.root)
        wanted = self.expected[record]
        assert {path: after.get(path) for path in wanted} == wanted
        kept = [seen for folder in (self.project.state / "kept").glob("*") for seen in look(folder).values()]
        for path, seen in before.items():
            if not is_held(path, *seen):
                assert after.get(path) == seen or seen in kept, path
        for path in after.keys() - wanted.keys():
            assert not is_held(path, *after[path]), path
            assert after[path] == before[path]
        self.expected[altered.recorded.id] = wanted
        assert sweep(self.project) is None or self.only_told_of_large_files()

    def only_told_of_large_files(self):
        """Large files that appear again under a name are told of again; git's files stay as they are."""
        return self.held() == list(self.expected.values())[-1]

    @invariant()
    def nothing_temporary_is_left(self):
        if hasattr(self, "project"):
            assert not [path for path in look(self.root) if path.endswith(".tmp")]


History.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestHistory = History.TestCase
