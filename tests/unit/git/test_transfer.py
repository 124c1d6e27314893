"""Fetching, bundling and checking whole repositories with git's own programs."""

import http.server
import os
import subprocess
import threading
import time
from functools import partial

import pytest

from trailmark.errors import Cancelled, CommandFailed, InvalidInput
from trailmark.git import Entry, Repository, Signature, transfer
from trailmark.git.address import PrivateAddress, parse_address
from trailmark.progress import NullProgress

PROGRESS = NullProgress()


@pytest.fixture
def source(tmp_path):
    repository = Repository.init(tmp_path / "source")
    commit(repository, "refs/heads/main", {"a.txt": b"a\n"})
    commit(repository, "refs/heads/idea", {"b.txt": b"b\n"})
    commit(repository, "refs/trailmark/records/desk", {"r": b"r\n"})
    commit(repository, "refs/elsewhere/x", {"x": b"x\n"})
    return repository


@pytest.fixture
def target(tmp_path):
    return Repository.init(tmp_path / "target")


@pytest.fixture
def server(source):
    """Serves the folder above `source` as plain files; `redirected` paths lead elsewhere."""
    bare = source.path.parent / "bare.git"
    subprocess.run(["git", "clone", "-q", "--mirror", source.path, bare], check=True)
    subprocess.run(["git", "update-server-info"], cwd=bare, check=True)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            if self.path.startswith("/moved"):
                self.send_response(301)
                self.send_header("Location", self.path.replace("/moved", "/bare.git"))
                self.end_headers()
                return
            super().do_GET()

        def log_message(self, *_):
            pass

    listening = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Handler, directory=str(source.path.parent))
    )
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    listening.server_close()


def commit(repository, ref, files, *, raw_tree=None):
    entries = {path: Entry(repository.write_blob(data)) for path, data in files.items()}
    tree = raw_tree or repository.write_tree(None, entries)
    oid = repository.write_commit(tree, [], "x", Signature("a", "a@example.org", time.time()))
    repository.update_ref(ref, oid, expected=repository.find_ref(ref), reason="test")


def evil_tree(repository, *entries):
    """Store a tree that git's own commands refuse to write."""
    data = b"".join(b"%o %s\0" % (mode, name) + bytes.fromhex(oid) for mode, name, oid in entries)
    command = ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"]
    done = subprocess.run(command, cwd=repository.path, input=data, capture_output=True, check=True)
    return done.stdout.decode().strip()


def take(source, target):
    transfer.fetch_folder(target.git_folder, source.path, PROGRESS)
    transfer.check_objects(target.git_folder, PROGRESS)


def taken(repository):
    return {name: oid for name, oid in repository.refs("refs/").items() if "/elsewhere/" not in name}


def test_a_folder_is_fetched_with_its_branches_and_records(source, target):
    assert transfer.find_head_of_folder(source.path) == transfer.Head("main", source.head())
    take(source, target)
    assert target.refs("refs/") == taken(source)


def test_a_head_that_stands_on_no_branch_gets_one(source, target):
    (source.git_folder / "HEAD").write_text(f"{source.find_ref('refs/heads/idea')}\n")
    head = transfer.find_head_of_folder(source.path)
    assert head.branch is None
    transfer.fetch_folder(target.git_folder, source.path, PROGRESS, detached="imported")
    assert target.find_ref("refs/heads/imported") == head.commit


def test_a_bundle_holds_branches_and_records_and_nothing_else(source, target, tmp_path):
    bundle = tmp_path / "x.bundle"
    transfer.write_bundle(source.git_folder, bundle, PROGRESS)
    transfer.fetch_bundle(target.git_folder, bundle, PROGRESS)
    transfer.check_objects(target.git_folder, PROGRESS)
    assert target.refs("refs/") == taken(source)


@pytest.mark.parametrize("damage", [b"", b"# v2 git bundle", b"nonsense"])
def test_a_damaged_bundle_is_an_error(target, tmp_path, damage):
    bundle = tmp_path / "x.bundle"
    bundle.write_bytes(damage)
    with pytest.raises(CommandFailed, match="Nothing was changed"):
        transfer.fetch_bundle(target.git_folder, bundle, PROGRESS)


def test_a_cut_bundle_is_an_error(source, target, tmp_path):
    bundle = tmp_path / "x.bundle"
    transfer.write_bundle(source.git_folder, bundle, PROGRESS)
    bundle.write_bytes(bundle.read_bytes()[:-40])
    with pytest.raises(CommandFailed):
        transfer.fetch_bundle(target.git_folder, bundle, PROGRESS)


def test_an_address_is_fetched_with_its_branches_as_the_remotes_too(server, source, target):
    address = parse_address(f"{server}/bare.git")
    assert transfer.find_head(address, allow_private=True).branch == "main"
    transfer.fetch(target.git_folder, address, PROGRESS, allow_private=True)
    assert target.find_ref("refs/heads/idea") == source.find_ref("refs/heads/idea")
    assert target.find_ref("refs/remotes/origin/main") == source.head()
    assert target.find_ref("refs/trailmark/records/desk") == source.find_ref("refs/trailmark/records/desk")


def test_what_is_not_on_the_internet_or_not_protected_is_refused(server, target):
    with pytest.raises(InvalidInput, match="https"):
        transfer.find_head(parse_address(f"{server}/bare.git"))
    address = parse_address("https://lab.example.org/x")
    for call in (
        lambda: transfer.find_head(address, resolve=lambda *_: ["10.0.0.1"]),
        lambda: transfer.fetch(target.git_folder, address, PROGRESS, resolve=lambda *_: ["10.0.0.1"]),
    ):
        with pytest.raises(PrivateAddress):
            call()


def test_a_redirect_is_not_followed(server):
    with pytest.raises(CommandFailed, match="did not let the repository be read"):
        transfer.find_head(parse_address(f"{server}/moved"), allow_private=True)


def test_ssh_addresses_go_through_the_persons_own_ssh(source, target, tmp_path, monkeypatch):
    script = tmp_path / "ssh"
    script.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    script.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(script))
    monkeypatch.setenv("GIT_SSH_VARIANT", "simple")
    address = parse_address(f"ssh://git@example.org{source.path}")
    assert transfer.find_head(address).commit == source.head()
    transfer.fetch(target.git_folder, address, PROGRESS)
    assert target.find_ref("refs/heads/main") == source.head()


def test_a_repository_on_this_machine_runs_nothing_of_its_own(source, target, tmp_path):
    marker = tmp_path / "ran"
    script = tmp_path / "evil"
    script.write_text(f"#!/bin/sh\ntouch {marker}\nexec cat\n")
    script.chmod(0o755)
    config = source.raw.config
    for name in (
        "core.fsmonitor", "core.sshCommand", "core.alternateRefsCommand", "uploadpack.packObjectsHook",
        "core.gitProxy", "core.pager", "core.editor", "filter.x.clean", "filter.x.smudge", "diff.external",
    ):  # fmt: skip
        config[name] = str(script)
    config["core.hooksPath"] = str(tmp_path)
    config["remote.origin.url"] = f"ext::{script}"
    config["remote.origin.promisor"] = "true"
    config["extensions.partialClone"] = "origin"
    for hook in ("post-checkout", "reference-transaction", "pre-receive", "post-update"):
        for folder in (source.git_folder / "hooks", tmp_path):
            folder.mkdir(exist_ok=True)
            (folder / hook).write_bytes(script.read_bytes())
            (folder / hook).chmod(0o755)
    config["core.repositoryformatversion"] = "1"
    transfer.find_head_of_folder(source.path)
    take(source, target)
    assert target.find_ref("refs/heads/main") == source.head()
    assert not marker.exists()


@pytest.mark.parametrize("name", [b".git", b".GIT", b"git~1", b"..", b".", b".git "])
def test_a_tree_that_reaches_for_the_git_folder_is_refused(source, target, name):
    blob = source.write_blob(b"#!/bin/sh\n")
    commit(source, "refs/heads/main", {}, raw_tree=evil_tree(source, (0o100755, name, blob)))
    with pytest.raises(CommandFailed):
        take(source, target)


@pytest.mark.parametrize("text", ["url = --upload-pack=evil", "url = -u./evil", 'path = "-x"\n\turl = x'])
def test_a_submodule_that_is_made_to_do_harm_is_refused(source, target, text):
    data = f'[submodule "m"]\n\t{text}\n'.encode()
    commit(source, "refs/heads/main", {".gitmodules": data})
    with pytest.raises(CommandFailed):
        take(source, target)


def test_blemishes_of_old_repositories_are_let_through(source, target):
    tree = source.tree_of(source.head())
    text = f"tree {tree}\nauthor A<a@b> 1 +051800\ncommitter A <a@b> 1 +051800\n\nold\n"
    command = ["git", "hash-object", "-t", "commit", "-w", "--literally", "--stdin"]
    done = subprocess.run(command, cwd=source.path, input=text.encode(), capture_output=True, check=True)
    head = source.head()
    source.update_ref("refs/heads/main", done.stdout.decode().strip(), expected=head, reason="test")
    transfer.fetch_folder(target.git_folder, source.path, PROGRESS)
    transfer.check_objects(target.git_folder, PROGRESS)


def test_stopping_stops(source, target):
    class Stopped(NullProgress):
        cancelled = True

    with pytest.raises(Cancelled):
        transfer.fetch_folder(target.git_folder, source.path, Stopped())


def test_the_persons_own_git_variables_do_not_lead_elsewhere(source, target, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(source.git_folder))
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "ext")
    transfer.fetch_folder(target.git_folder, source.path, PROGRESS)
    assert target.find_ref("refs/heads/main") == source.head()
    assert os.environ["GIT_DIR"] == str(source.git_folder)
