"""Importing: what is there becomes a project, and nothing that a stranger made is run."""

import os
import stat
import subprocess
import time

import pytest

from trailmark.activity import RECORDS, load
from trailmark.environments.model import EnvironmentRequest
from trailmark.errors import AlreadyExists, CommandFailed, InvalidInput, NotFound
from trailmark.git import EXECUTABLE, FILE, FOLDER, LINK, Entry, Repository, Signature
from trailmark.git.address import PrivateAddress
from trailmark.progress import NullProgress
from trailmark.projects.export import export_project
from trailmark.projects.importing import apply_import, discard_import, plan_import, planning, survey
from trailmark.projects.note import add_note
from trailmark.projects.sweep import sweep

PROGRESS = NullProgress()


@pytest.fixture
def plan(settings, tmp_path):
    def plan(source, **options):
        return plan_import(str(source), settings, PROGRESS, here=tmp_path, **options)

    return plan


@pytest.fixture
def take(plan, settings):
    """Plan and apply an import."""

    def take(source, *, allow_private=False, **options):
        return apply_import(plan(source, allow_private=allow_private), settings, PROGRESS, **options)

    return take


@pytest.fixture
def theirs(tmp_path):
    """A repository that somebody else made with git alone."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "trunk")
    (folder / "analysis.py").write_text("import numpy\n")
    (folder / "README.md").write_text("# Theirs\n\nCounts birds.\n\nMore.\n")
    commit_all(folder)
    git(folder, "branch", "idea")
    git(folder, "tag", "v1")
    return folder


def git(folder, *arguments):
    identity = ["-c", "user.name=Bob", "-c", "user.email=bob@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def commit_all(folder):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "theirs")


def commit_tree(folder, entries):
    """Commit files as (bytes, mode), beside git's own checks."""
    repository = Repository.open(folder)
    files = {path: Entry(repository.write_blob(data), mode) for path, (data, mode) in entries.items()}
    head = repository.head()
    tree = repository.write_tree(repository.tree_of(head), files)
    oid = repository.write_commit(tree, [head], "x", Signature("b", "b@example.org", time.time()))
    repository.update_ref(repository.head_ref(), oid, expected=head, reason="test")


def titles(project):
    repository = project.repository
    return [commit.message.partition("\n")[0] for commit in repository.iter_commits(repository.head())]


def leftovers(settings):
    imports = settings.home / "imports"
    projects = settings.projects / settings.owner
    return [
        *(imports.iterdir() if imports.exists() else ()),
        *(projects.iterdir() if projects.exists() else ()),
    ]


def newest(project):
    message = project.repository.commit(project.repository.head()).message
    return load(project.repository, message.partition("Trailmark-Record: ")[2].partition("\n")[0]).record


def test_a_plan_says_what_was_found_and_makes_no_project(plan, theirs, settings):
    found = plan(theirs)
    assert (found.name, found.description) == ("theirs", "Counts birds.")
    assert found.request.packages == ("numpy",)
    assert found.commits
    assert not found.records
    assert not settings.projects.exists()
    discard_import(found)
    assert leftovers(settings) == []


def test_a_repository_keeps_its_history_and_gets_a_manifest(take, theirs):
    before = git(theirs, "rev-parse", "HEAD").strip()
    project = take(theirs, name="birds")
    assert titles(project) == ["Imported the folder theirs", "theirs"]
    assert project.repository.branch() == "trunk"
    assert project.repository.find_ref("refs/tags/v1")
    assert project.repository.find_ref("refs/heads/idea") == before
    manifest = project.manifest()
    assert (manifest.name, manifest.description, manifest.packages) == ("birds", "Counts birds.", ("numpy",))
    record = newest(project)
    assert (record.kind, record.detail["commit"]) == ("import", before)
    assert [ref.path for ref in record.writes] == ["trailmark.toml"]
    assert git(project.path, "status", "--porcelain") == ""
    assert git(project.path, "fsck", "--strict") == ""
    assert sweep(project) is None


def test_uncommitted_work_and_what_git_does_not_hold_come_along(take, theirs):
    (theirs / "analysis.py").write_text("import pandas\n")
    (theirs / "new.py").write_text("x = 1\n")
    (theirs / "README.md").unlink()
    (theirs / "big.bin").write_bytes(b"0" * (11 << 20))
    (theirs / ".venv" / "lib").mkdir(parents=True)
    (theirs / ".venv" / "lib" / "x.py").write_text("x")
    (theirs / "__pycache__").mkdir()
    (theirs / "__pycache__" / "x.pyc").write_text("x")
    project = take(theirs)
    record = newest(project)
    assert record.kind == "import"
    assert {ref.path: ref.held for ref in record.writes} == {
        "analysis.py": True,
        "new.py": True,
        "trailmark.toml": True,
        "big.bin": False,
    }
    assert record.deletes == ("README.md",)
    assert (project.path / "big.bin").stat().st_size == 11 << 20
    assert not (project.path / ".venv").exists()
    assert not (project.path / "__pycache__").exists()
    assert sweep(project) is None


def test_folders_that_are_usually_rebuilt_come_along_when_the_history_holds_them(take, theirs):
    (theirs / "node_modules").mkdir()
    (theirs / "node_modules" / "x.js").write_text("x")
    git(theirs, "add", "-f", "node_modules")
    commit_all(theirs)
    project = take(theirs)
    assert (project.path / "node_modules" / "x.js").read_text() == "x"
    assert newest(project).deletes == ()


def test_a_plain_folder_becomes_a_project(take, tmp_path, settings):
    folder = tmp_path / "My Data (1)"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "run.sh").write_text("#!/bin/sh\n")
    (folder / "sub" / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("sub")
    (folder / ".venv").mkdir()
    os.mkfifo(folder / "pipe")
    project = take(folder, actor="program:x")
    assert project.name == "my-data-1"
    assert titles(project) == ["Imported the folder My Data (1)"]
    record = newest(project)
    assert (record.kind, record.actor) == ("import", "program:x")
    assert {ref.path for ref in record.writes} == {".gitignore", "link", "sub/run.sh", "trailmark.toml"}
    assert os.access(project.path / "sub" / "run.sh", os.X_OK)
    assert (project.path / "link").is_symlink()
    assert (folder / ".venv").exists()
    assert stat.S_IMODE(project.path.stat().st_mode) & 0o700 == 0o700
    assert leftovers(settings) == [project.path]


def test_an_empty_folder_and_an_empty_repository_become_projects(take, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "unborn").mkdir()
    git(tmp_path / "unborn", "init", "-q")
    for name in ("empty", "unborn"):
        assert titles(take(tmp_path / name)) == [f"Imported the folder {name}"]


def test_a_bare_repository_is_imported_with_its_files(take, theirs, tmp_path):
    git(tmp_path, "clone", "-q", "--bare", "theirs", "bare.git")
    project = take(tmp_path / "bare.git")
    assert project.name == "bare"
    assert (project.path / "analysis.py").read_text() == "import numpy\n"


def test_a_file_address_is_the_folder_that_it_names(plan, theirs, tmp_path):
    (tmp_path / "büro a").mkdir()
    bare = tmp_path / "büro a" / "birds.git"
    git(tmp_path, "clone", "-q", "--bare", str(theirs), str(bare))
    assert plan(bare.as_uri()).name == "birds"
    assert plan(f"file://localhost{theirs}").name == "theirs"
    with pytest.raises(NotFound):
        plan(f"{bare.as_uri()}-not")
    with pytest.raises(InvalidInput):
        plan(f"file://elsewhere{theirs}")


def test_a_head_that_stands_on_no_branch_is_kept(take, theirs):
    commit_all_with = theirs / "later.py"
    commit_all_with.write_text("later\n")
    commit_all(theirs)
    git(theirs, "checkout", "-q", "--detach", "HEAD~1")
    project = take(theirs)
    assert project.repository.branch() == "imported"
    assert not (project.path / "later.py").exists()
    assert newest(project).deletes == ()


def test_a_person_changes_what_was_found(take, theirs):
    request = EnvironmentRequest(packages=("polars",))
    project = take(theirs, name="other", description="Mine", request=request)
    manifest = project.manifest()
    assert (manifest.name, manifest.description, manifest.packages) == ("other", "Mine", ("polars",))


def test_a_project_is_imported_with_its_whole_trail(take, project, write, tmp_path):
    write("code/a.py", "a")
    sweep(project)
    note = add_note(project, "Mark my words")
    exported = export_project(project, tmp_path, PROGRESS).path
    for source in (exported, project.path):
        again = take(source)
        assert titles(again)[1:] == titles(project)
        assert again.name in ("work-2", "work-3")
        assert again.manifest().name == again.name
        assert load(again.repository, note.id).record.title == "Mark my words"
        assert again.repository.refs(RECORDS).keys() == project.repository.refs(RECORDS).keys()
        assert (again.path / "code" / "a.py").read_text() == "a"


def test_an_archive_says_which_files_it_lacks(plan, project, write, tmp_path):
    write("input/big.bin", b"0" * (project.max_file_bytes() + 1))
    found = plan(export_project(project, tmp_path, PROGRESS).path)
    assert found.records
    assert any("input/big.bin" in note for note in found.notes)
    discard_import(found)


def test_a_plan_is_applied_once(plan, settings, theirs):
    found = plan(theirs)
    apply_import(found, settings, PROGRESS)
    with pytest.raises(NotFound):
        apply_import(found, settings, PROGRESS, name="again")


def test_a_name_that_is_taken_is_refused_and_the_plan_stays(plan, settings, theirs, project):
    found = plan(theirs)
    with pytest.raises(AlreadyExists):
        apply_import(found, settings, PROGRESS, name="work")
    assert apply_import(found, settings, PROGRESS, name="fine").name == "fine"


def test_what_nobody_came_back_for_is_removed(plan, theirs):
    found = plan(theirs)
    old = time.time() - 2 * planning.STALE_SECONDS
    os.utime(found.staging, (old, old))
    discard_import(plan(theirs))
    assert not found.staging.exists()


@pytest.mark.parametrize("source", ["nothing", "", "x\0y", "~nobody-here/x", "/nowhere"])
def test_what_is_not_there_is_not_found(plan, source):
    with pytest.raises(NotFound):
        plan(source)


def test_what_is_no_source_is_refused(plan, tmp_path, settings):
    (tmp_path / "x.zip").write_bytes(b"PK\3\4")
    with pytest.raises(InvalidInput, match="Unpack"):
        plan("x.zip")
    for folder in ("/", settings.home, settings.home.parent):
        with pytest.raises(InvalidInput, match="Trailmark's own"):
            plan(folder)
    for address in ("ext::sh -c x", "file://elsewhere/etc", "git://example.org/x"):
        with pytest.raises((InvalidInput, NotFound)):
            plan(address)
    with pytest.raises(PrivateAddress):
        plan("https://127.0.0.1:1/x.git")
    assert leftovers(settings) == []


# -- what strangers make ----------------------------------------------------------------------------------


@pytest.fixture
def evil(theirs, tmp_path):
    """Their repository with everything in it that git could be made to run."""
    marker = tmp_path / "ran"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    script.chmod(0o755)
    files = {
        ".gitattributes": "* filter=x diff=x merge=x ident text eol=crlf working-tree-encoding=UTF-16\n",
        ".gitmodules": '[submodule "m"]\n\tpath = m\n\turl = https://example.org/m\n',
        ".envrc": f"touch {marker}\n",
        "setup.py": f"open({str(marker)!r}, 'w')\n",
        "conftest.py": f"open({str(marker)!r}, 'w')\n",
    }
    for name, text in files.items():
        (theirs / name).write_text(text)
    commit_tree(theirs, {name: (text.encode(), FILE) for name, text in files.items()})
    for name in (
        "core.fsmonitor", "core.sshCommand", "core.alternateRefsCommand", "uploadpack.packObjectsHook",
        "filter.x.clean", "filter.x.smudge", "filter.x.process", "diff.external", "merge.x.driver", "alias.status",
    ):  # fmt: skip
        git(theirs, "config", name, str(script))
    git(theirs, "config", "core.hooksPath", str(theirs / "hooks"))
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "pre-commit", "update"):
        for folder in (theirs / "hooks", theirs / ".git" / "hooks"):
            folder.mkdir(exist_ok=True)
            (folder / hook).write_bytes(script.read_bytes())
            (folder / hook).chmod(0o755)
    (theirs / ".git" / "info").mkdir(exist_ok=True)
    (theirs / ".git" / "info" / "attributes").write_text("* filter=x\n")
    return theirs, marker


def test_nothing_of_a_strangers_repository_is_run(take, evil):
    folder, marker = evil
    project = take(folder)
    assert not marker.exists()
    assert (project.path / "analysis.py").read_bytes() == b"import numpy\n"
    assert not (project.path / ".git" / "hooks" / "pre-commit").exists()
    git(project.path, "status")
    sweep(project)
    assert not marker.exists()


def test_nothing_of_a_strangers_nested_repository_is_run(take, evil, tmp_path):
    folder, marker = evil
    outer = tmp_path / "outer"
    outer.mkdir()
    folder.rename(outer / "inner")
    project = take(outer)
    assert not marker.exists()
    assert [held["reason"] for held in newest(project).detail["held_back"]] == ["repository"]


def test_links_stay_links_and_those_that_lead_out_are_named(take, plan, theirs, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("theirs")
    commit_tree(
        theirs,
        {
            "out": (str(victim).encode(), LINK),
            "up/er": (b"../../../victim", LINK),
            "fine": (b"analysis.py", LINK),
            "run": (b"#!/bin/sh\n", EXECUTABLE),
        },
    )
    git(theirs, "reset", "-q", "--hard")
    found = plan(theirs)
    assert any("out, up/er are links that lead out" in note for note in found.notes)
    discard_import(found)
    project = take(theirs)
    assert (project.path / "out").is_symlink()
    assert victim.read_text() == "theirs"


def test_submodules_and_large_file_pointers_are_named(plan, theirs):
    commit_tree(theirs, {"m": (b"", LINK), ".gitattributes": (b"*.bin filter=lfs diff=lfs\n", FILE)})
    repository = Repository.open(theirs)
    head = repository.head()
    tree = repository.write_tree(repository.tree_of(head), {"m": Entry(head, 0o160000)})
    oid = repository.write_commit(tree, [head], "x", Signature("b", "b@example.org", time.time()))
    repository.update_ref(repository.head_ref(), oid, expected=head, reason="test")
    notes = plan(theirs).notes
    assert any("m is a submodule" in note for note in notes)
    assert any("Git LFS" in note for note in notes)


@pytest.mark.parametrize("name", [b".git", b".GIT", b"git~1", b"..", b".git ", b".g\xe2\x80\x8cit"])
def test_a_tree_that_reaches_for_the_git_folder_is_refused(plan, theirs, settings, name):
    repository = Repository.open(theirs)
    blob = repository.write_blob(b"#!/bin/sh\n")
    data = b"100755 %s\0" % name + bytes.fromhex(blob)
    command = ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"]
    done = subprocess.run(command, cwd=theirs, input=data, capture_output=True, check=True)
    head = repository.head()
    oid = repository.write_commit(
        done.stdout.decode().strip(), [head], "x", Signature("b", "b@example.org", time.time())
    )
    repository.update_ref(repository.head_ref(), oid, expected=head, reason="test")
    with pytest.raises(CommandFailed, match="Nothing"):
        plan(theirs)
    assert leftovers(settings) == []


@pytest.mark.parametrize("target", ["/etc/passwd", "elsewhere"])
def test_a_manifest_that_is_a_link_is_refused(plan, theirs, tmp_path, settings, target):
    commit_tree(theirs, {"trailmark.toml": (target.encode(), LINK)})
    git(theirs, "reset", "-q", "--hard")
    with pytest.raises(InvalidInput, match="no ordinary file"):
        plan(theirs)
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "trailmark.toml").symlink_to(target)
    with pytest.raises(InvalidInput, match="no ordinary file"):
        plan(plain)
    assert leftovers(settings) == []


def test_nothing_is_written_through_a_link_in_a_plain_folder(take, tmp_path):
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / ".gitignore").symlink_to(tmp_path / "made-by-import")
    project = take(plain)
    assert not (tmp_path / "made-by-import").exists()
    assert (project.path / ".gitignore").is_symlink()


def test_a_broken_manifest_is_taken_as_it_is_and_named(plan, take, theirs):
    (theirs / "trailmark.toml").write_text("name = ")
    found = plan(theirs)
    assert any("TOML" in note for note in found.notes)
    discard_import(found)
    assert (take(theirs).path / "trailmark.toml").read_text() == "name = "


def test_a_few_objects_that_stand_for_billions_of_files_are_refused(plan, theirs, settings):
    repository = Repository.open(theirs)
    tree = repository.write_tree(
        None, {f"f{number}": Entry(repository.write_blob(b"x")) for number in range(10)}
    )
    for _ in range(10):
        tree = repository.write_tree(None, {f"d{number}": Entry(tree, FOLDER) for number in range(10)})
    head = repository.head()
    oid = repository.write_commit(tree, [head], "x", Signature("b", "b@example.org", time.time()))
    repository.update_ref(repository.head_ref(), oid, expected=head, reason="test")
    start = time.monotonic()
    with pytest.raises(InvalidInput, match="500,000"):
        plan(theirs)
    assert time.monotonic() - start < 20
    assert leftovers(settings) == []


def test_folders_too_deep_are_refused(theirs):
    repository = Repository.open(theirs)
    tree = repository.write_tree(None, {"/".join(["d"] * 150): Entry(repository.write_blob(b"x"))})
    with pytest.raises(InvalidInput, match="deep"):
        survey.measure(repository, tree, theirs)


def test_names_of_refs_that_look_like_options_are_left_out(plan, settings, theirs):
    (theirs / ".git" / "refs" / "heads" / "--output=x").write_text(git(theirs, "rev-parse", "HEAD"))
    found = plan(theirs)
    assert any("begin with" in note for note in found.notes)
    project = apply_import(found, settings, PROGRESS)
    assert sorted(project.repository.refs("refs/heads/")) == ["refs/heads/idea", "refs/heads/trunk"]


def test_a_damaged_repository_is_refused(plan, settings, theirs):
    blob = git(theirs, "rev-parse", "HEAD:analysis.py").strip()
    path = theirs / ".git" / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(b"nonsense")
    with pytest.raises(CommandFailed):
        plan(theirs)
    assert leftovers(settings) == []
