"""Images of environments: built from a recipe, found by the lock's digest, kept in a file, removed.

An image counts once the engine has given it its name, which it does last and at one stroke; whatever a build that
was killed left behind has none. Tags tell whose word it is: what this machine built, and what came in a file. A tool
that was made for a base, and an environment with one, have tags and digests of their own.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import queue
import re
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from trailmark.durable import write_chunks
from trailmark.engines.buildlog import BuildLog
from trailmark.engines.daemon import Daemon
from trailmark.engines.recipe import Recipe, render
from trailmark.engines.trust import Trust
from trailmark.errors import Cancelled, Damaged, InvalidInput, NotFound, Unavailable
from trailmark.progress import Progress

Origin = Literal["built", "received", "proof", "tool", "equipped"]
DIGEST_LABEL = "trailmark.digest"
_TAGS: Mapping[Origin, str] = {
    "built": "latest",
    "received": "received",
    "proof": "proof",
    "tool": "tool",
    "equipped": "equipped",
}
_DIGEST = re.compile(r"[0-9a-f]{64}")
# podman writes the place where it would look for a name in front of it.
_OURS = re.compile(r"(?:localhost/|docker\.io/)?(trailmark/[0-9a-f]{32}:\w+)")
_POLL_SECONDS = 0.1
_LARGEST_MANIFEST = 10_000_000


@dataclass(frozen=True)
class Image:
    """An image that is on this machine: the name to run it by, the engine's id of its content, its size.

    `path` is where programs are looked for in it.
    """

    digest: str
    reference: str
    id: str
    size: int
    created: str
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    path: str = "/usr/local/bin:/usr/bin:/bin"


def reference_of(digest: str, origin: Origin = "built") -> str:
    """Return the name of the image of a digest (64 hexadecimal digits)."""
    if not _DIGEST.fullmatch(digest):
        raise InvalidInput(f"“{digest[:80]}” is not the digest of an environment.")
    return f"trailmark/{digest[:32]}:{_TAGS[origin]}"


class Images:
    """The images of one engine. Every call may be repeated, and by several at once."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._errors = importlib.import_module("docker.errors")

    def find(self, digest: str, origin: Origin = "built") -> Image | None:
        """Return the image of a digest, None when there is none of that origin."""
        reference = reference_of(digest, origin)
        with self._daemon.telling("look for the image"):
            try:
                facts = self._daemon.api.inspect_image(reference)
            except self._errors.NotFound:
                return None
        image = _image(facts, reference)
        return image if image is not None and image.digest == digest else None

    def has(self, reference: str) -> bool:
        """Return whether the engine knows an image by this name, whoever made it."""
        with self._daemon.telling("look for the image"):
            try:
                self._daemon.api.inspect_image(reference)
            except self._errors.NotFound:
                return False
        return True

    def list(self) -> list[Image]:
        """Return all images of environments, the newest first."""
        with self._daemon.telling("list its images"):
            found = self._daemon.api.images(filters={"label": [DIGEST_LABEL]})
        tagged = (_OURS.fullmatch(name) for one in found for name in one.get("RepoTags") or ())
        names = [match.group(1) for match in tagged if match]
        images = []
        for name in names:
            with self._daemon.telling("tell of an image"), contextlib.suppress(self._errors.NotFound):
                facts = self._daemon.api.inspect_image(name)
                images.append(_image(facts, name))
        return sorted(filter(None, images), key=lambda image: image.created, reverse=True)

    def build(
        self,
        recipe: Recipe,
        digest: str,
        progress: Progress,
        *,
        trust: Trust | None = None,
        programs: Mapping[str, bytes] | None = None,
        origin: Origin = "built",
    ) -> Image:
        """Return the image of a digest, built first when there is none; a `proof` is built anew, without caches.

        One with other labels than the recipe's was made with other means, and is built again.
        Raises CommandFailed with the end of the log, or Cancelled; then nothing has changed.
        """
        replaced = self.find(digest, origin)
        if replaced and origin != "proof" and recipe.labels.items() <= replaced.labels.items():
            return replaced
        trust = trust or Trust()
        fresh = origin == "proof"
        labelled = replace(recipe, labels={**recipe.labels, DIGEST_LABEL: digest})
        self.fetch(recipe.base, progress)
        rendered = render(labelled, certificates=trust.certificates, programs=programs, caches=not fresh)
        parameters = {
            "t": reference_of(digest, origin),
            "version": "2",
            "networkmode": "host" if self._daemon.network == "host" else "default",
            "buildargs": json.dumps(dict(trust.proxies)),
            "nocache": "1" if fresh else "0",
            "rm": "1",
            "forcerm": "1",
        }
        progress.step("Building the environment", 0.0)
        answer = self._post("build", parameters, rendered.pack())
        _follow(answer, progress)
        built = self.find(digest, origin)
        if built is None:
            raise Unavailable("The engine says that it built the image, and does not have it. Try again.")
        if replaced is not None and replaced.id != built.id:
            # A session may still run in it; then it stays, without a name.
            with contextlib.suppress(self._errors.APIError):
                self._daemon.api.remove_image(replaced.id)
        return built

    def remove(self, digest: str, origin: Origin = "built") -> None:
        """Remove the image of a digest, if there is one; a session that runs in it goes on."""
        with self._daemon.telling("remove the image"), contextlib.suppress(self._errors.NotFound):
            self._daemon.api.remove_image(reference_of(digest, origin), force=True)

    def save(self, digest: str, path: Path, progress: Progress) -> None:
        """Write the image of a digest to a file, whole or not at all."""
        image = self.find(digest)
        if image is None:
            raise NotFound(
                "The environment has not been built here, so its image cannot be kept. Build it first."
            )
        repository, tag = reference_of(digest, "received").split(":")
        progress.step("Writing the image", None)
        with self._daemon.telling("write the image"):
            self._daemon.api.tag(image.reference, repository, tag)
            try:
                pieces = self._daemon.api.get_image(f"{repository}:{tag}")
                write_chunks(path, _while_wanted(pieces, progress), mode=0o666)
            finally:
                self._daemon.api.remove_image(f"{repository}:{tag}", noprune=True)

    def load(self, path: Path, digest: str, progress: Progress) -> Image:
        """Take the image of a digest from a file that somebody made; it is known as `received`, never as built here.

        Raises Damaged for a file that holds anything else. Nothing in it is run.
        """
        _require_alone(path, reference_of(digest, "received"))
        progress.step("Reading the image", None)
        with self._daemon.telling("read the image"), path.open("rb") as stream:
            _follow(self._post("images/load", {"quiet": "1"}, stream), progress)
        image = self.find(digest, "received")
        if image is None:
            self.remove(digest, "received")
            raise Damaged(f"{path} does not hold the image of this environment. Build it instead.")
        return image

    def fetch(self, base: str, progress: Progress) -> None:
        """Have the engine fetch what an image starts from, unless it has it; some can only do so for themselves."""
        if base == "scratch" or self.has(base):
            return
        progress.step(f"Fetching {base}", None)
        with self._daemon.telling(f"fetch the image {base}"):
            for said in self._daemon.api.pull(base, stream=True, decode=True):
                _raise_if(progress.cancelled)
                if "error" in said:
                    raise NotFound(
                        f"The image {base} cannot be fetched ({said['error']}). Nothing was changed."
                    )

    def _post(self, path: str, parameters: Mapping[str, str], data: Any) -> Any:
        api = self._daemon.api
        with self._daemon.telling("take the order"):
            answer = api.post(
                f"{api.base_url}/v{api.api_version}/{path}",
                params=parameters,
                data=data,
                headers={"Content-Type": "application/x-tar"},
                stream=True,
                timeout=None,
            )
            api._raise_for_status(answer)
        return answer


def _image(facts: Mapping[str, Any], reference: str) -> Image | None:
    labels = facts["Config"].get("Labels") or {}
    if DIGEST_LABEL not in labels:
        return None
    variables = dict(one.partition("=")[::2] for one in facts["Config"].get("Env") or ())
    return Image(
        labels[DIGEST_LABEL],
        reference,
        facts["Id"],
        int(facts["Size"]),
        facts["Created"],
        labels,
        variables.get("PATH") or Image.path,
    )


def _follow(answer: Any, progress: Progress) -> None:
    """Tell what the engine says until it is done. When that is no longer wanted, hang up, which ends its work."""
    log = BuildLog()
    for line in _lines(answer, lambda: progress.cancelled):
        for said in log.read(line):
            if said.fraction is None:
                progress.log(said.text)
            else:
                progress.step(said.text, said.fraction)


def _lines(answer: Any, cancelled: Callable[[], bool]) -> Iterator[bytes]:
    """Yield the lines of an answer as they come; they may be minutes apart. Raises Cancelled within a moment."""
    lines: queue.Queue[bytes | Exception | None] = queue.Queue()

    def read() -> None:
        try:
            for line in answer.iter_lines():
                lines.put(line)
            lines.put(None)
        except Exception as error:
            lines.put(error)

    threading.Thread(target=read, name="engine-answer", daemon=True).start()
    try:
        while True:
            _raise_if(cancelled())
            try:
                line = lines.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if line is None:
                return
            if isinstance(line, Exception):
                raise Unavailable(
                    "The engine hung up before it was done. Nothing was changed; try again."
                ) from line
            yield line
    finally:
        _hang_up(answer)


def _hang_up(answer: Any) -> None:
    with contextlib.suppress(OSError, AttributeError, ValueError):
        connection: socket.socket = answer.raw._connection.sock
        connection.shutdown(socket.SHUT_RDWR)
    answer.close()


def _raise_if(cancelled: bool) -> None:
    if cancelled:
        raise Cancelled("Building was stopped, as asked. Nothing was changed.")


def _while_wanted(chunks: Iterator[bytes], progress: Progress) -> Iterator[bytes]:
    for chunk in chunks:
        _raise_if(progress.cancelled)
        yield chunk


def _require_alone(path: Path, reference: str) -> None:
    """Raise Damaged unless the file holds one image, and under this name: a file may not replace another image."""
    try:
        with tarfile.open(path) as archive:
            names = _names(archive)
    except (
        OSError,
        tarfile.TarError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
    ) as error:
        raise Damaged(f"{path} is not an image that can be read ({error}).") from error
    allowed = re.compile(rf"(localhost/|docker\.io/)?{re.escape(reference)}")
    if not names or not all(allowed.fullmatch(name) for name in names):
        raise Damaged(
            f"{path} holds the image of another environment ({', '.join(sorted(names)) or 'no name'})."
        )


def _names(archive: tarfile.TarFile) -> set[str]:
    names = set()
    for member in archive:
        if member.name not in ("manifest.json", "index.json", "repositories"):
            continue
        stream = archive.extractfile(member)
        if stream is None or member.size > _LARGEST_MANIFEST:
            raise ValueError(f"its {member.name} is not a file of a sensible size")
        stored = json.load(stream)
        if member.name == "manifest.json":
            names |= {name for one in stored for name in one["RepoTags"] or ()}
        elif member.name == "repositories":
            names |= {f"{name}:{tag}" for name, tags in stored.items() for tag in tags}
        else:
            marks = [one.get("annotations") or {} for one in stored["manifests"]]
            names |= {mark[_CONTAINERD_NAME] for mark in marks if _CONTAINERD_NAME in mark}
    return names


_CONTAINERD_NAME = "io.containerd.image.name"
