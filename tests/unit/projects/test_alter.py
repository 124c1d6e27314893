"""Going back, and other changes that are recorded first and made after; crashes in between."""

import pytest

from trailmark.activity import Action, Change, NewFile, record
from trailmark.errors import Busy, NotFound, Unavailable
from trailmark.git import checkout
from trailmark.projects import alter
from trailmark.projects.alter import change_branch, finish
from trailmark.projects.branches import new_branch
from trailmark.projects.rollback import go_back
from trailmark.projects.sweep import sweep


class Killed(BaseException):
    """Stands for SIGKILL: nothing that catches errors catches it."""


@pytest.fixture
def past(project, write):
    """A record to go back to; since then files were changed, added and removed."""
    write("code/a.py", "one")
    write("code/b.py", "one")
    record = sweep(project)
    write("code/a.py", "two")
    (project.path / "code" / "b.py").unlink()
    write("lib/c.py", "two")
    sweep(project)
    return record


def state_of(project):
    names = ("code/a.py", "code/b.py", "lib/c.py")
    return [(project.path / name).read_text() if (project.path / name).exists() else None for name in names]


def test_going_back_makes_the_files_what_they_were(project, past, read):
    altered = go_back(project, past.id)
    assert state_of(project) == ["one", "one", None]
    record = read(altered.recorded)
    assert (record.kind, record.detail["to"]) == ("rollback", past.id)
    assert record.title == "Went back to “Added code/a.py and code/b.py”"
    assert {ref.path for ref in record.writes} == {"code/a.py", "code/b.py"}
    assert record.deletes == ("lib/c.py",)
    assert sweep(project) is None


def test_what_was_not_recorded_is_recorded_before_going_back(project, past, write, read):
    write("code/new.py", "unsaved thoughts")
    go_back(project, past.id)
    assert not (project.path / "code" / "new.py").exists()
    commits = list(project.repository.iter_commits(project.repository.head()))
    assert [commit.message.partition("\n")[0] for commit in commits[:2]] == [
        "Went back to “Added code/a.py and code/b.py”",
        "Added code/new.py",
    ]


def test_going_back_and_back_again(project, past):
    before = go_back(project, past.id).recorded
    newest = list(project.repository.iter_commits(project.repository.head()))[1]
    record = newest.message.partition("Trailmark-Record: ")[2].partition("\n")[0]
    go_back(project, record)
    assert state_of(project) == ["two", None, "two"]
    go_back(project, before.id)
    assert state_of(project) == ["one", "one", None]


def test_going_back_to_what_is_not_there_changes_nothing(project, past):
    head = project.repository.head()
    with pytest.raises(NotFound):
        go_back(project, "01M847FHVQANAA9JWEYFDCXX8A")
    assert project.repository.head() == head


def test_files_that_git_does_not_hold_survive_going_back(project, past, write):
    write("input/big.bin", b"0" * (project.max_file_bytes() + 1))
    write(".venv/x", "ignored")
    write("lib/__pycache__/c.pyc", "ignored")
    go_back(project, past.id)
    assert (project.path / "input" / "big.bin").exists()
    assert (project.path / ".venv" / "x").exists()
    assert (project.path / "lib" / "__pycache__" / "c.pyc").exists()


def test_a_large_file_in_the_way_is_set_aside(project, past, write):
    big = b"0" * (project.max_file_bytes() + 1)
    write("code/a.py", big)
    altered = go_back(project, past.id)
    assert state_of(project)[0] == "one"
    assert altered.restored.set_aside["code/a.py"].read_bytes() == big


def test_nothing_is_changed_during_a_persons_own_merge(project, past):
    (project.repository.git_folder / "MERGE_HEAD").write_text(f"{project.repository.head()}\n")
    with pytest.raises(Busy, match="merge"):
        go_back(project, past.id)
    assert state_of(project) == ["two", None, "two"]


@pytest.mark.parametrize("step", ["announce", "record", "apply_checkout", "withdraw"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_step_is_completed_or_undone_by_the_next_command(
    project, past, monkeypatch, step, when
):
    owner = alter if step == "record" else checkout
    original = getattr(owner, step)

    def killed(*arguments, **options):
        if when == "after":
            original(*arguments, **options)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, killed)
        with pytest.raises(Killed):
            go_back(project, past.id)
    recorded_before_crash = step in ("apply_checkout", "withdraw") or (step, when) == ("record", "after")
    assert sweep(project) is None
    assert state_of(project) == (["one", "one", None] if recorded_before_crash else ["two", None, "two"])
    assert finish(project) is None


@pytest.mark.parametrize("count", range(1, 4))
def test_a_crash_between_two_files_is_completed(project, past, monkeypatch, count):
    original = checkout._Checkout.put
    calls = []

    def put(self, *arguments):
        calls.append(arguments)
        if len(calls) == count:
            raise Killed
        original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(checkout._Checkout, "put", put)
        if count < 3:
            with pytest.raises(Killed):
                go_back(project, past.id)
        else:
            go_back(project, past.id)
    assert sweep(project) is None
    assert state_of(project) == ["one", "one", None]


def test_what_a_person_wrote_after_the_crash_is_set_aside_not_lost(project, past, monkeypatch, write, read):
    with monkeypatch.context() as patch:
        patch.setattr(checkout, "apply_checkout", lambda *_, **__: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            go_back(project, past.id)
    write("code/a.py", "three")
    write("code/new.py", "new")
    record = read(sweep(project))
    assert record.detail["set_aside"] == ["code/a.py"]
    assert state_of(project) == ["one", "one", None]
    (kept,) = (project.state / "kept").rglob("a.py")
    assert kept.read_text() == "three"


def test_work_recorded_after_the_crash_is_not_undone(project, past, monkeypatch, write, files):
    with monkeypatch.context() as patch:
        patch.setattr(checkout, "apply_checkout", lambda *_, **__: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            go_back(project, past.id)
    write("code/a.py", "from a cell")
    record(project.trail, Action("cell", "wrote"), Change(put={"code/a.py": NewFile(b"from a cell")}))
    assert sweep(project) is None
    assert state_of(project) == ["from a cell", "one", None]
    assert files()["code/a.py"] == b"from a cell"


def test_a_disk_that_refuses_is_named_and_completed_later(project, past, monkeypatch):
    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkout, "apply_checkout", refuse)
        with pytest.raises(Unavailable, match="No space left on device"):
            go_back(project, past.id)
    assert sweep(project) is None
    assert state_of(project) == ["one", "one", None]


def test_a_switch_that_was_killed_is_completed(project, past, monkeypatch):
    new_branch(project, "idea", start=past.id)
    with monkeypatch.context() as patch:
        patch.setattr(checkout, "apply_checkout", lambda *_, **__: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            change_branch(project, "idea")
    assert sweep(project) is None
    assert project.repository.branch() == "idea"
    assert state_of(project) == ["one", "one", None]
