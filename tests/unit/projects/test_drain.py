"""From the journal to records and commits."""

import errno
import hashlib
import json
import os
import time

import nbformat
import pytest

from trailmark.activity import load
from trailmark.errors import Unavailable
from trailmark.projects.drain import SAVE_SECONDS, Drain
from trailmark.projects.new import new_project
from trailmark.projects.sweep import sweep
from trailmark_capture.journal import Writer, new_id


@pytest.fixture
def project(settings):
    return new_project("work", settings)


@pytest.fixture
def writer(project):
    writer = Writer(project.state / "journal", "kernel-1")
    yield writer
    writer.close()


def entry(**facts):
    now = time.time()
    base = {"type": "end", "id": new_id(), "kind": "cell", "started": now - 0.1, "ended": now, "status": "ok"}
    return {**base, "code": "x = 1", "tool": "jupyterlab", "actor": "person", **facts}


def tree_of(project):
    repository = project.repository
    return {
        path: repository.blob(item.oid)
        for path, item in repository.iter_files(repository.tree_of(repository.head()))
    }


def commits(project):
    return list(project.repository.iter_commits(project.repository.head()))


def notebook(*sources):
    cells = [nbformat.v4.new_code_cell(source, id=f"c{number}") for number, source in enumerate(sources)]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells)) + "\n"


def test_an_entry_becomes_one_record_and_one_commit_with_just_the_files_it_wrote(project, writer):
    (project.path / "output" / "a.csv").write_text("1,2\n")
    (project.path / "output" / "someone-elses.csv").write_text("3,4\n")
    writer.append(entry(id="01M847FHVQANAA9JWEYFDCXX8A", writes=[{"path": "output/a.csv"}]))
    (recorded,) = Drain(project).run()
    assert recorded.id == "01M847FHVQANAA9JWEYFDCXX8A"
    assert tree_of(project)["output/a.csv"] == b"1,2\n"
    assert "output/someone-elses.csv" not in tree_of(project)
    (written,) = load(project.repository, recorded.id).record.writes
    assert written.digest == hashlib.sha256(b"1,2\n").hexdigest()
    assert len(commits(project)) == 2


def test_an_entry_is_recorded_once_however_often_it_is_read(project, writer):
    writer.append(entry())
    assert len(Drain(project).run()) == 1
    assert Drain(project).run() == []
    drain = Drain(project)
    drain.run()
    writer.append(entry())
    assert len(drain.run()) == 1
    assert drain.run() == []
    assert len(commits(project)) == 3


def test_a_file_that_was_read_and_then_overwritten_has_the_digest_it_had_before(project, writer):
    target = project.path / "input" / "a.csv"
    target.write_text("old\n")
    writer.append(entry(writes=[{"path": "input/a.csv"}]))
    drain = Drain(project)
    drain.run()
    target.write_text("new\n")
    writer.append(entry(reads=[{"path": "input/a.csv"}], writes=[{"path": "input/a.csv"}]))
    (recorded,) = drain.run()
    record = load(project.repository, recorded.id).record
    assert record.reads[0].digest == hashlib.sha256(b"old\n").hexdigest()
    assert record.writes[0].digest == hashlib.sha256(b"new\n").hexdigest()


def test_a_file_read_and_overwritten_by_entries_that_come_together_has_the_digest_between(project, writer):
    target = project.path / "input" / "a.csv"
    target.write_text("old\n")
    Drain(project).run()
    sweep(project)
    target.write_text("new\n")
    files = [{"path": "input/a.csv"}]
    now = time.time()
    writer.append(entry(writes=files, started=now - 2, ended=now - 1))
    writer.append(entry(reads=files, writes=files, started=now - 1, ended=now))
    first, second = (load(project.repository, done.id).record for done in Drain(project).run())
    assert first.writes[0].digest is None
    assert second.reads[0].digest == hashlib.sha256(b"old\n").hexdigest()
    assert second.writes[0].digest == hashlib.sha256(b"new\n").hexdigest()


def test_what_a_later_action_has_overwritten_is_not_taken_for_what_an_earlier_one_wrote(project, writer):
    target = project.path / "output" / "a.txt"
    target.write_text("of the second\n")
    now = time.time()
    log = project.state / "files" / "kernel.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"%.9f\t1\tw\t%s\n" % (now - 0.5, bytes(target)))
    writer.append(
        entry(writes=[{"path": "output/a.txt"}], started=now - 2, ended=now - 1, files_log=str(log))
    )
    (first,) = Drain(project).run()
    (written,) = load(project.repository, first.id).record.writes
    assert (written.path, written.digest, written.held) == ("output/a.txt", None, False)
    assert "output/a.txt" not in tree_of(project)
    writer.append(entry(writes=[{"path": "output/a.txt"}], files_log=str(log)))
    Drain(project).run()
    assert tree_of(project)["output/a.txt"] == b"of the second\n"


def test_a_file_that_is_still_open_keeps_the_content_that_git_has(project, writer):
    target = project.path / "README.md"
    before = target.read_bytes()
    target.write_text("hal")
    writer.append(entry(writes=[{"path": "README.md", "open": True}]))
    (recorded,) = Drain(project).run()
    (written,) = load(project.repository, recorded.id).record.writes
    assert (written.open, written.held, written.digest) == (True, False, None)
    assert tree_of(project)["README.md"] == before
    target.write_text("whole")
    writer.append(entry(writes=[{"path": "README.md"}]))
    Drain(project).run()
    assert tree_of(project)["README.md"] == b"whole"


def test_a_lost_action_has_the_files_that_it_is_known_to_have_touched(project):
    log = project.state / "files" / "kernel.log"
    log.parent.mkdir(parents=True)
    target = project.path / "output" / "a.txt"
    target.write_text("x")
    now = time.time()
    lines = [(now - 9, "c", "output/before.txt"), (now - 2, "c", "output/a.txt"), (now - 1, "r", "README.md")]
    log.write_bytes(
        b"".join(
            b"%.9f\t1\t%s\t%s\n" % (at, op.encode(), bytes(project.path / path)) for at, op, path in lines
        )
    )
    writer = Writer(project.state / "journal", "kernel-2")
    writer.append(entry(type="begin", started=now - 3, files_log=str(log)))
    writer.close()
    (recorded,) = Drain(project).run()
    record = load(project.repository, recorded.id).record
    assert (record.status, round(record.seconds)) == ("lost", 2)
    assert [file.path for file in record.writes] == ["output/a.txt"]
    assert [file.path for file in record.reads] == ["README.md"]
    assert tree_of(project)["output/a.txt"] == b"x"


def test_reads_outside_the_project_are_marked(project, writer, tmp_path):
    outside = tmp_path / "reference.csv"
    outside.write_text("far\n")
    writer.append(entry(reads=[{"path": str(outside), "external": True}]))
    (recorded,) = Drain(project).run()
    (read,) = load(project.repository, recorded.id).record.reads
    assert (read.path, read.external, read.bytes) == (str(outside), True, 4)
    assert read.digest == hashlib.sha256(b"far\n").hexdigest()


def test_a_file_too_large_for_git_is_named_but_not_committed(settings, project, writer):
    large = project.path / "output" / "large.bin"
    large.write_bytes(b"\0" * (settings.max_file_bytes + 1))
    writer.append(entry(writes=[{"path": "output/large.bin"}]))
    (recorded,) = Drain(project).run()
    (written,) = load(project.repository, recorded.id).record.writes
    assert (written.held, written.bytes) == (False, settings.max_file_bytes + 1)
    assert written.digest == hashlib.sha256(large.read_bytes()).hexdigest()
    assert "output/large.bin" not in tree_of(project)


def test_deleted_files_leave_the_tree(project, writer):
    (project.path / "README.md").unlink()
    writer.append(entry(deletes=["README.md"]))
    (recorded,) = Drain(project).run()
    assert "README.md" not in tree_of(project)
    assert load(project.repository, recorded.id).record.deletes == ("README.md",)


def test_the_notebook_is_committed_as_the_cell_left_it_even_when_it_was_not_saved(project, writer):
    path = project.path / "code" / "a.ipynb"
    path.write_text(notebook("x = 1", "y = 2"))
    facts = {"notebook": "code/a.ipynb", "source": "code/a.ipynb#c0"}
    drain = Drain(project)
    writer.append(entry(**facts, cell="c0", code="x = 10", execution_count=1))
    drain.run()
    writer.append(entry(**facts, cell="c1", code="y = 20", execution_count=2))
    drain.run()
    cells = json.loads(tree_of(project)["code/a.ipynb"])["cells"]
    assert [("".join(cell["source"]), cell["execution_count"]) for cell in cells] == [
        ("x = 10", 1),
        ("y = 20", 2),
    ]
    assert path.read_text() == notebook("x = 1", "y = 2")


def test_a_cell_waits_for_its_notebook_to_be_saved_but_not_for_ever(project, writer):
    (project.path / "code" / "a.ipynb").write_text(notebook("x = 1"))
    facts = {"notebook": "code/a.ipynb", "cell": "c0", "execution_count": 1, "save_expected": True}
    drain = Drain(project)
    writer.append(entry(**facts))
    assert drain.run() == []
    assert drain.is_waiting
    assert "code/a.ipynb" in drain.busy()
    assert "code/b.ipynb" not in drain.busy()
    time.sleep(SAVE_SECONDS + 0.1)
    assert len(drain.run()) == 1
    assert not drain.is_waiting


def test_a_clock_that_is_set_back_keeps_no_cell_waiting(project, writer):
    (project.path / "code" / "a.ipynb").write_text(notebook("x = 1"))
    facts = {"notebook": "code/a.ipynb", "cell": "c0", "execution_count": 1, "save_expected": True}
    (project.path / "output" / "a.txt").write_text("1")
    log = project.state / "files" / "kernel.log"
    log.parent.mkdir(parents=True)
    ahead = time.time() + 3600
    log.write_bytes(b"%.9f\t1\tc\t%s\n" % (ahead, bytes(project.path / "output" / "a.txt")))
    drain = Drain(project)
    writer.append(entry(**facts, started=ahead, ended=ahead))
    writer.append(entry(writes=[{"path": "output/a.txt"}], started=ahead, files_log=str(log)))
    assert drain.run() == []
    time.sleep(SAVE_SECONDS + 0.1)
    assert len(drain.run()) == 2
    assert tree_of(project)["output/a.txt"] == b"1"


def test_an_action_whose_program_was_killed_is_recorded_as_lost(project):
    writer = Writer(project.state / "journal", "kernel-2")
    begin = entry(type="begin", code="fit(model)")
    writer.append(begin)
    drain = Drain(project)
    assert drain.run() == []
    writer.close()
    (recorded,) = drain.run()
    stored = load(project.repository, recorded.id)
    assert (stored.record.status, stored.code) == ("lost", "fit(model)")
    assert Drain(project).run() == []


@pytest.mark.parametrize("step", ["write_blob", "update_refs"])
def test_what_a_full_disk_refused_is_recorded_when_there_is_room(project, writer, monkeypatch, step):
    monkeypatch.setattr("trailmark.projects.drain._SETTLED_SECONDS", 0.0)
    (project.path / "output" / "a.csv").write_text("1,2\n")
    writer.append(entry(id="01M847FHVQANAA9JWEYFDCXX8A", writes=[{"path": "output/a.csv"}]))
    writer.append(entry(id="01M847FHVQANAA9JWEYFDCXX8B"))
    writer.close()
    drain = Drain(project)

    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(project.repository, step, refuse)
        for _ in range(2):
            with pytest.raises((OSError, Unavailable), match="No space"):
                drain.run()
    assert [recorded.id[-1] for recorded in drain.run()] == ["A", "B"]
    assert tree_of(project)["output/a.csv"] == b"1,2\n"
    assert not list((project.state / "journal").iterdir())


def test_an_action_that_ends_while_the_journal_is_drained_is_not_lost(project, writer, monkeypatch):
    running = Writer(project.state / "journal", "run-1")
    begin = entry(type="begin", code="fit(model)")
    running.append(begin)
    writer.append(entry())
    drain = Drain(project)
    update = project.repository.update_refs

    def end_meanwhile(moves, **options):
        update(moves, **options)
        monkeypatch.undo()
        running.append({**begin, "type": "end", "status": "ok"})
        running.close()

    monkeypatch.setattr(project.repository, "update_refs", end_meanwhile)
    drain.run()
    (recorded,) = drain.run()
    assert load(project.repository, recorded.id).record.status == "ok"


def test_a_torn_line_is_no_entry_and_stops_nothing(project, writer):
    writer.append(entry())
    (segment,) = (project.state / "journal").iterdir()
    with segment.open("ab") as stream:
        stream.write(b"00000000 {}\n0123")
    assert len(Drain(project).run()) == 1


def test_journal_entries_are_forgotten_once_their_writer_is_gone(project, writer, monkeypatch):
    monkeypatch.setattr("trailmark.projects.drain._SETTLED_SECONDS", 0.0)
    writer.append(entry())
    drain = Drain(project)
    drain.run()
    assert list((project.state / "journal").iterdir())
    writer.close()
    drain.run()
    assert not list((project.state / "journal").iterdir())


def test_nothing_is_recorded_while_a_person_is_merging(project, writer):
    merging = project.path / ".git" / "MERGE_HEAD"
    merging.write_text(str(project.repository.head()) + "\n")
    writer.append(entry())
    drain = Drain(project)
    assert drain.run() == []
    merging.unlink()
    assert len(drain.run()) == 1


def test_a_notebook_that_jupyter_is_writing_is_not_taken_half(project, writer):
    path = project.path / "code" / "a.ipynb"
    path.write_text(notebook("x = 1"))
    drain = Drain(project)
    facts = {"notebook": "code/a.ipynb", "cell": "c0"}
    writer.append(entry(**facts, code="x = 1", execution_count=1))
    drain.run()
    (path.parent / ".~a.ipynb").write_bytes(path.read_bytes())
    path.write_text(notebook("x = 1")[:40])
    writer.append(entry(**facts, code="x = 2", execution_count=2))
    drain.run()
    (cell,) = json.loads(tree_of(project)["code/a.ipynb"])["cells"]
    assert ("".join(cell["source"]), cell["execution_count"]) == ("x = 2", 2)


def test_a_file_too_large_for_git_is_told_of_by_the_action_and_not_again(project, writer):
    (project.path / "output" / "a.bin").write_bytes(b"small")
    writer.append(entry(writes=[{"path": "output/a.bin"}]))
    Drain(project).run()
    assert tree_of(project)["output/a.bin"] == b"small"
    (project.path / "output" / "a.bin").write_bytes(b"0" * (project.max_file_bytes() + 1))
    (project.path / "output" / "x.pyc").write_bytes(b"ignored")
    writer.append(entry(writes=[{"path": "output/a.bin"}, {"path": "output/x.pyc"}]))
    (recorded,) = Drain(project).run()
    written, ignored = load(project.repository, recorded.id).record.writes
    assert (written.held, ignored.held) == (False, False)
    assert "output/a.bin" not in tree_of(project)
    assert sweep(project) is None
    (project.path / "output" / "x.pyc").unlink()
    assert sweep(project) is None


def test_what_git_cannot_hold_is_told_of_once_when_it_comes_and_when_it_goes(project, writer):
    names = ["output/a.bin", os.fsdecode(b"output/caf\xe9.txt")]
    for name in names:
        (project.path / name).write_bytes(b"0" * (project.max_file_bytes() + 1))
    writer.append(entry(writes=[{"path": name} for name in names]))
    assert len(Drain(project).run()) == 1
    assert sweep(project) is None
    for name in names:
        (project.path / name).unlink()
    writer.append(entry(deletes=names))
    (recorded,) = Drain(project).run()
    assert load(project.repository, recorded.id).record.deletes == tuple(names)
    assert sweep(project) is None


def test_a_notebook_that_jupyter_has_not_saved_is_no_change_by_hand(project, writer):
    path = project.path / "code" / "a.ipynb"
    path.write_text(notebook("x = 1", "y = 2"))
    sweep(project)
    for number in (0, 1):
        source = ("x = 1", "y = 2")[number]
        writer.append(
            entry(notebook="code/a.ipynb", cell=f"c{number}", code=source, execution_count=number + 1)
        )
        Drain(project).run()
        assert sweep(project) is None
    held = json.loads(tree_of(project)["code/a.ipynb"])
    assert [cell["execution_count"] for cell in held["cells"]] == [1, 2]
    path.write_text(notebook("x = 1", "y = 2", "z = 3"))
    assert sweep(project) is not None
    assert len(json.loads(tree_of(project)["code/a.ipynb"])["cells"]) == 3


def test_logs_are_removed_when_their_programs_are_gone_and_nothing_is_left(project, monkeypatch):
    monkeypatch.setattr("trailmark.projects.drain._SETTLED_SECONDS", 0.0)
    logs = project.state / "files"
    logs.mkdir(parents=True)
    (logs / "dead.log").touch()
    (logs / "dead.old").touch()
    writer = Writer(project.state / "journal", "kernel-2")
    writer.append(entry(type="begin", files_log=str(logs / "dead.log")))
    drain = Drain(project)
    drain.run()
    drain.remove_logs()
    assert len(list(logs.iterdir())) == 2
    writer.close()
    drain.run()
    drain.remove_logs()
    assert list(logs.iterdir()) == []
