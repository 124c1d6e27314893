"""What a session in a container wrote is recorded, and says nothing about this machine."""

import hashlib
import json
import os
import time
import zlib

import pytest

from trailmark.activity import load
from trailmark.activity.store import read_output
from trailmark.engines import MemoryEngine
from trailmark.projects import captured
from trailmark.projects.catch_up import catch_up
from trailmark.projects.drain import Drain
from trailmark.projects.secrets import set_secret
from trailmark.sessions.leftovers import collect_leftovers
from trailmark_capture.journal import Writer, new_id

VALUE = "hunter2-and-more"


@pytest.fixture
def inside(project):
    place = captured.inside(project.state)
    for folder in (place.journal, place.files, place.shell):
        folder.mkdir(parents=True)
    return place


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key"
    path.write_text("precious\n")
    return path


def entry(**facts):
    now = time.time()
    times = {"started": now - 0.1, "ended": now}
    return {"type": "end", "id": new_id(), "kind": "run", "status": "ok", "code": "x", **times, **facts}


def drained(project, place, *entries):
    writer = Writer(place.journal, "kernel-1")
    writer.append_all(entries)
    writer.close()
    return [load(project.repository, recorded.id) for recorded in Drain(project).run()]


def seen(project, key):
    """Return whether something of a file is in what the repository keeps."""
    digest = hashlib.sha256(key.read_bytes()).hexdigest()
    repository = project.repository
    return any(
        text in repository.blob(entry.oid)
        for oid in repository.refs("refs/trailmark/records").values()
        for _, entry in repository.iter_files(repository.tree_of(oid))
        for text in (digest.encode(), key.read_bytes())
    )


@pytest.mark.parametrize("named", ["reads", "writes"])
@pytest.mark.parametrize("engine", [None, "local", "docker"])
@pytest.mark.parametrize("path", ["absolute", "above", "external", "below", "linked", "linked folder"])
def test_no_file_outside_of_the_project_is_looked_at(project, inside, key, path, engine, named):
    (project.path / "linked").symlink_to(key)
    (project.path / "folder").symlink_to(key.parent)
    up = "../" * (len(project.path.parts) - 1)
    places = {
        "absolute": {"path": str(key)},
        "above": {"path": f"{up}{str(key)[1:]}"},
        "external": {"path": str(key), "external": True},
        "below": {"path": f"{project.path}/{up}{str(key)[1:]}", "external": True},
        "linked": {"path": "linked"},
        "linked folder": {"path": "folder/key"},
    }
    [stored] = drained(project, inside, entry(engine=engine, **{named: [places[path]]}))
    assert all(file.digest is None or file.path == "linked" for file in getattr(stored.record, named))
    assert not seen(project, key)
    assert stored.record.engine not in (None, "local")


@pytest.mark.parametrize("path", ["/etc/passwd", "../../x", "a/../../x", "", "a//b", "a\0b"])
def test_a_file_of_the_project_lies_in_it_even_when_it_was_noted_here(project, path):
    place = captured.here(project.state)
    [stored] = drained(
        project, place, entry(reads=[{"path": path}, {"path": "ok"}], writes=[{"path": path}], deletes=[path])
    )
    assert [file.path for file in stored.record.reads] == ["ok"]
    assert (stored.record.writes, stored.record.deletes) == ((), ())
    assert stored.record.detail["unreadable"] == ["deletes", "reads", "writes"]


@pytest.mark.parametrize("notebook", ["../x.ipynb", "/x.ipynb", ".git/config", "a\0.ipynb"])
def test_a_notebook_lies_in_the_project(project, inside, notebook):
    drained(project, inside, entry(kind="cell", notebook=notebook, cell="a", notebook_outputs=[]))
    repository = project.repository
    paths = [path for path, _ in repository.iter_files(repository.tree_of(repository.head()))]
    assert not [path for path in paths if path.endswith(".ipynb") or ".git/" in path]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "locked", "loop"])
def test_what_lies_in_the_journal_stops_nobody(project, inside, key, kind):
    place = inside.journal / "0000.journal"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind in ("link", "loop"):
        place.symlink_to(key if kind == "link" else place)
    elif kind == "folder":
        place.mkdir()
    else:
        place.touch()
        place.chmod(0)
    [stored] = drained(project, inside, entry(code="after"))
    assert stored.code == "after"
    Drain(project).remove_logs()
    catch_up(project)
    assert key.read_text() == "precious\n"


@pytest.mark.timeout(60)
def test_lines_of_every_kind_stop_nobody(project, inside):
    nested = json.loads("[" * 400 + "]" * 400)
    odd = [
        entry(notebook_outputs=[{"output_type": "x", "data": nested}], kind="cell", notebook="a.ipynb"),
        entry(outputs=[{"mime": "text/plain", "text": "\ud800\udcff" * 5, "group": 10**30}]),
        entry(reads=[{"path": "x" * 5000}, {"path": "\udcff"}, {"path": "\ud800"}, {"path": "é" * 300}]),
        entry(started=1e300, ended=-5, execution_count=10**300, files_log="/etc/passwd"),
        entry(files_log=["x"], notebook={"a": 1}, resources={"x": nested}, cell="\ud800", cwd="\0"),
        entry(type="begin", files_log=f"{inside.files}/../../../x", kind="\0", tool="\ud800" * 100_000),
    ]
    folder = inside.journal
    lines = [b"\xff\xfe\n", b"00000000 {}\n", b"\0" * 100_000 + b"\n"]
    for body in (b"[" * 100_000, b'{"id": 1e999}', b'{"id": "' + b"9" * 9000 + b'"}', b"9" * 5000):
        lines.append(b"%08x %s\n" % (zlib.crc32(body), body))
    (folder / "0000.journal").write_bytes(b"".join(lines))
    drained(project, inside, *odd)
    [stored] = drained(project, inside, entry(code="after"))
    assert stored.code == "after"


def test_what_became_secret_meanwhile_is_blacked_out(project, inside):
    set_secret(project, "TOKEN", VALUE)
    output = {"mime": "text/plain", "name": "stdout", "group": 0, "text": f"key {VALUE}\n"}
    for place in captured.everywhere(project.state):
        [stored] = drained(project, place, entry(code=f"use('{VALUE}')", outputs=[output]))
        assert stored.code == "use('[secret TOKEN]')"
        shown = read_output(project.repository, stored.tree, stored.record.outputs[0])
        assert shown == b"key [secret TOKEN]\n"


def test_a_secret_is_known_from_the_moment_on_in_which_it_is_kept(project, inside):
    drain = Drain(project)
    drain.run()
    set_secret(project, "TOKEN", VALUE)
    writer = Writer(inside.journal, "kernel-1")
    writer.append(entry(code=f"use('{VALUE}')"))
    [recorded] = drain.run()
    writer.close()
    assert load(project.repository, recorded.id).code == "use('[secret TOKEN]')"


def test_what_a_dead_container_left_is_recorded_and_no_more(project, inside, key, tmp_path):
    many = tmp_path / "many"
    many.mkdir()
    (many / "private-name").touch()
    log = inside.files / "a.log"
    log.write_text(f"1700000000.1\t1\tmd\t/x\x1f{many}\n1700000000.1\t1\tr\t{key}\n")
    fields = [new_id(), "1700000000000000", "/p", "0", "make", "1700000001000000", "0"]
    note = b"\0\0E\0=" + b"\0=".join(field.encode() for field in fields) + b"\0.\0\0"
    who = b"\0\0S\0=" + b"\0=".join(map(str.encode, ["", "", "local", "person", str(log), "shim", "x"]))
    shell = b"\0.\0\0\0\0H\0=99999999\0=1\0=boot\0=5\0.\0\0"
    (inside.shell / "a.spool").write_bytes(who + shell + note)
    collect_leftovers(project, MemoryEngine(runs_anything=True))
    [recorded] = Drain(project).run()
    record = load(project.repository, recorded.id).record
    assert (record.engine, record.reads, record.writes) == ("container", (), ())
    assert not log.exists()
    assert not seen(project, key)
