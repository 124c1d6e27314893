"""Images on Docker and podman: built, found, killed half way, kept in a file."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.containers import BASE

from trailmark.engines.daemon import Daemon
from trailmark.engines.images import BASE_LABEL, Images, reference_of
from trailmark.engines.model import Mount
from trailmark.engines.recipe import CacheMount, Fragment, Instruction, Layer, Recipe
from trailmark.engines.trust import Trust
from trailmark.errors import Cancelled, CommandFailed, Damaged, InvalidInput, NotFound, Unavailable
from trailmark.testing.inside import run_inside

KILL_POINTS = int(os.environ.get("TRAILMARK_KILL_POINTS", "4"))
HOSTILE = "a'b\"c$HOME `id` \\ #x ${A}"
KILLED = """
import sys
from trailmark.engines.daemon import Daemon
from trailmark.engines.images import Images
from trailmark.engines.recipe import Layer, Recipe
from trailmark.progress import NullProgress
address, kind, base, digest = sys.argv[1:]
layers = tuple(Layer(f"l{n}", (f"sleep 0.15; echo {digest} > /opt/l{n}",)) for n in range(4))
Images(Daemon(address, kind)).build(Recipe(base, layers), digest, NullProgress())
"""


class Listener:
    """Keeps what it hears; cancels once it has heard a line."""

    def __init__(self, until: str | None = None) -> None:
        self.lines: list[str] = []
        self.steps: list[tuple[str, float | None]] = []
        self._until = until

    @property
    def cancelled(self) -> bool:
        return self._until is not None and self._until in self.lines

    def step(self, message: str, fraction: float | None = None) -> None:
        self.steps.append((message, fraction))

    def log(self, line: str) -> None:
        self.lines.append(line)


class Stopped(Listener):
    """Cancels once a step has begun."""

    @property
    def cancelled(self) -> bool:
        return self._until in {message for message, _ in self.steps}


def tags(daemon: Daemon, digest: str) -> dict[str, str]:
    """Return the names of images that the engine has, each with its image's id; not those of other environments."""
    found = {name: one["Id"] for one in daemon.api.images() for name in one.get("RepoTags") or ()}
    ours = reference_of(digest).split(":")[0]
    return {name: found[name] for name in found if ours in name or "trailmark/" not in name}


class _Images:
    @pytest.fixture
    def images(self, daemon: Daemon) -> Images:
        return Images(daemon)

    @pytest.fixture
    def digest(self, images: Images) -> Iterator[str]:
        digest = hashlib.sha256(uuid.uuid4().bytes).hexdigest()
        yield digest
        for origin in ("built", "received", "proof", "tool"):
            images.remove(digest, origin)

    def test_a_recipe_is_built_once_and_found_by_its_digest(self, images, daemon, digest):
        listener = Listener()
        recipe = Recipe(
            BASE,
            (
                Layer(
                    "one",
                    (
                        f"# {digest}",
                        "cp in/a /opt/a",
                        'test -s "$SSL_CERT_FILE"',
                        "echo told",
                        "lent > /opt/lent",
                    ),
                    {"in/a": b"text"},
                    caches=("/var/cache/x",),
                    needs=("lent",),
                ),
                Fragment(
                    "10-two",
                    (Instruction("RUN", "echo b > /opt/b; : > /kept/x", (CacheMount("/kept"),)),),
                    digest,
                ),
                Layer("three", env={"WORD": HOSTILE}),
            ),
            {"hostile": HOSTILE},
        )
        programs = {"lent": b"#!/bin/sh\necho lent\n"}
        assert images.find(digest) is None
        built = images.build(recipe, digest, listener, trust=Trust(b"PEM"), programs=programs)
        assert "told" in listener.lines
        assert ("Building: one", pytest.approx(0.4, abs=0.3)) in listener.steps
        assert images.find(digest) == built
        assert digest in {image.digest for image in images.list()}
        config = daemon.api.inspect_image(built.reference)["Config"]
        assert f"WORD={HOSTILE}" in config["Env"]
        assert config["Labels"]["hostile"] == HOSTILE
        found = run_inside(daemon, built.reference, ["/bin/sh", "-c", "cat /opt/*; ls -A /run/trailmark*"])
        assert found.stdout == "textb\nlent\n" or found.stdout.startswith("textb\nlent\n/run/trailmark")
        assert "PEM" not in found.stdout
        again = Listener()
        assert images.build(recipe, digest, again) == built
        assert again.steps == again.lines == []
        images.remove(digest)
        images.remove(digest)
        assert images.find(digest) is None

    def test_a_failed_build_says_why_and_leaves_nothing(self, images, digest):
        recipe = Recipe(BASE, (Layer("bad", ("echo gone wrong >&2", "exit 3")),))
        with pytest.raises(CommandFailed, match="gone wrong"):
            images.build(recipe, digest, Listener())
        assert images.find(digest) is None

    def test_a_base_that_cannot_be_had_is_named(self, images, digest):
        with pytest.raises((NotFound, CommandFailed), match="localhost:1/no/such"):
            images.build(Recipe("localhost:1/no/such"), digest, Listener())

    def test_a_name_of_this_machine_is_looked_for_nowhere_else(self, images, digest):
        said = Listener()
        with pytest.raises(NotFound, match="not looked for elsewhere"):
            images.build(Recipe("trailmark-there-is-none"), digest, said)
        assert said.steps == []
        with pytest.raises((NotFound, CommandFailed)):
            images.fetch("localhost:1/no/such", said, is_of_a_registry=True)
        assert said.steps == [("Fetching localhost:1/no/such", None)]

    def test_what_an_image_starts_from_is_written_down(self, images, digest):
        built = images.build(Recipe(BASE, (Layer("one", (f": {digest}",)),)), digest, Listener())
        assert built.labels[BASE_LABEL] == images.id_of(BASE)

    def test_an_image_whose_base_became_another_meanwhile_is_not_kept(self, images, daemon, digest):
        other = images.build(
            Recipe(BASE, (Layer("other", (f"echo {digest} > /o",)),)), digest, Listener(), origin="tool"
        )
        name = f"trailmark-test-moves-{digest[:8]}"
        daemon.api.tag(other.reference, name)

        class Moves(Listener):
            def step(self, message: str, fraction: float | None = None) -> None:
                daemon.api.tag(BASE, name, force=True)

        try:
            with pytest.raises(Unavailable, match="became another"):
                images.build(Recipe(name, (Layer("one", ("true",)),)), digest, Moves())
            assert images.find(digest) is None
        finally:
            daemon.api.remove_image(name, force=True)

    def test_a_build_can_be_cancelled(self, images, digest):
        recipe = Recipe(BASE, (Layer("long", (f"echo {digest}", "sleep 20")),))
        began = time.monotonic()
        with pytest.raises(Cancelled):
            images.build(recipe, digest, Listener(until=digest))
        assert time.monotonic() - began < 10
        assert images.find(digest) is None

    def test_a_proof_is_built_anew_beside_the_image(self, images, digest, daemon):
        recipe = Recipe(
            BASE, (Layer("one", ("date +%N >> /cached/n", "cp /cached/n /opt/n"), caches=("/cached",)),)
        )
        one = images.build(recipe, digest, Listener())
        other = images.build(recipe, digest, Listener(), origin="proof")
        assert images.find(digest) == one
        said = [run_inside(daemon, image.reference, ["cat", "/opt/n"]).stdout for image in (one, other)]
        assert said[0] not in said[1]

    def test_an_image_that_was_made_with_other_means_is_replaced(self, images, daemon, digest):
        one, other = (Recipe(BASE, (Layer("one", (f": {n}",)),), {"means": n}) for n in ("1", "2"))
        before = images.build(one, digest, Listener())
        assert images.build(one, digest, Listener()) == before
        after = images.build(other, digest, Listener())
        assert (images.find(digest), after.labels["means"]) == (after, "2")
        assert before.id not in {found["Id"] for found in daemon.api.images()}

    def test_an_image_is_kept_in_a_file_and_comes_back_as_received(self, images, digest, tmp_path):
        file = tmp_path / "image.tar"
        with pytest.raises(NotFound):
            images.save(digest, file, Listener())
        one = images.build(Recipe(BASE, (Layer("one", (f"echo {digest} > /opt/one",)),)), digest, Listener())
        images.save(digest, file, Listener())
        assert images.find(digest, "received") is None
        images.remove(digest)
        received = images.load(file, digest, Listener())
        assert (received.digest, received.id) == (one.digest, one.id)
        assert images.find(digest) is None
        assert images.find(digest, "received") == received

    def test_a_file_that_would_replace_another_image_is_refused(self, images, digest, tmp_path):
        file = tmp_path / "image.tar"
        for names in ([BASE], [reference_of(digest)], [reference_of(digest, "received"), BASE], []):
            with tarfile.open(file, "w") as archive:
                data = json.dumps([{"Config": "x.json", "RepoTags": names, "Layers": []}]).encode()
                entry = tarfile.TarInfo("manifest.json")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
            with pytest.raises(Damaged):
                images.load(file, digest, Listener())
        file.write_bytes(b"no archive")
        with pytest.raises(Damaged):
            images.load(file, digest, Listener())

    def test_nothing_in_a_file_reaches_another_name(self, images, digest, daemon, tmp_path):
        kept, evil = tmp_path / "kept.tar", tmp_path / "evil.tar"
        image = images.build(
            Recipe(BASE, (Layer("one", (f"echo {digest} > /opt/one",)),)), digest, Listener()
        )
        images.save(digest, kept, Listener())
        before = tags(daemon, digest)
        with tarfile.open(kept) as archive:
            [described] = json.loads(archive.extractfile("manifest.json").read())
        other = json.dumps([described, {**described, "RepoTags": [BASE, image.reference]}]).encode()
        marked = {"manifests": [{"annotations": {"io.containerd.image.name": BASE}}]}
        for added in (
            {"./manifest.json": other},
            {"manifest.json": other},
            {"layers/../manifest.json": other},
            {"index.json": json.dumps(marked).encode()},
            {"repositories": json.dumps({BASE: {"latest": "0" * 64}}).encode()},
        ):
            with tarfile.open(kept) as whole, tarfile.open(evil, "w") as archive:
                for member in whole:
                    if member.name not in added or member.name == "manifest.json":
                        archive.addfile(member, whole.extractfile(member) if member.isreg() else None)
                for name, data in added.items():
                    entry = tarfile.TarInfo(name)
                    entry.size = len(data)
                    archive.addfile(entry, io.BytesIO(data))
            if added.keys() & {"index.json", "repositories"}:
                assert images.load(evil, digest, Listener()).id == image.id
                images.remove(digest, "received")
            else:
                with pytest.raises(Damaged, match="manifest"):
                    images.load(evil, digest, Listener())
            assert tags(daemon, digest) == before

    def test_reading_and_writing_can_be_stopped_and_say_so(self, images, digest, tmp_path):
        file = tmp_path / "image.tar"
        images.build(Recipe(BASE, (Layer("one", (f"echo {digest} > /opt/one",)),)), digest, Listener())
        with pytest.raises(Cancelled, match="write the image"):
            images.save(digest, file, Stopped("Writing the image"))
        assert not file.exists()
        images.save(digest, file, Listener())
        with pytest.raises(Cancelled, match="take the image"):
            images.load(file, digest, Stopped("Reading the image"))

    def test_after_a_kill_at_any_point_the_next_build_works(self, images, digest, daemon):
        argv = [sys.executable, "-c", KILLED, daemon.address, daemon.kind, BASE, digest]
        for number in range(KILL_POINTS):
            process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.4 + 1.5 * number / KILL_POINTS)
            process.send_signal(signal.SIGKILL)
            process.wait()
        subprocess.run(argv, check=True, timeout=60)
        image = images.find(digest)
        assert image is not None
        command = ["/bin/sh", "-c", "cat /opt/l0 /opt/l1 /opt/l2 /opt/l3"]
        assert run_inside(daemon, image.reference, command).stdout == f"{digest}\n" * 4

    def test_a_program_runs_inside_with_nothing_of_this_machine(self, images, daemon, tmp_path):
        (tmp_path / "given").write_text("seen")
        command = (
            "cat /given/given; echo >/given/x; echo >/etc/x; ls /sys/class/net; grep CapEff /proc/self/status"
        )
        done = run_inside(
            daemon, BASE, ["/bin/sh", "-c", command], mounts=[Mount(tmp_path, Path("/given"), True)]
        )
        assert done.stdout == "seenlo\nCapEff:\t0000000000000000\n"
        assert done.stderr.count("Read-only file system") == 2
        assert run_inside(daemon, BASE, ["false"]).code == 1
        assert not run_inside(daemon, BASE, ["no-such-program"]).ok
        with pytest.raises(NotFound):
            run_inside(daemon, "trailmark/none", ["true"])
        with pytest.raises(CommandFailed, match="no answer"):
            run_inside(daemon, BASE, ["sleep", "30"], timeout=1)


class TestDockerImages(_Images):
    @pytest.fixture
    def daemon(self, docker: Daemon) -> Daemon:
        return docker


class TestPodmanImages(_Images):
    @pytest.fixture
    def daemon(self, podman: Daemon) -> Daemon:
        return podman


def test_a_digest_is_whole():
    for digest in ("", "abc", "../x", "g" * 64):
        with pytest.raises(InvalidInput):
            reference_of(digest)
