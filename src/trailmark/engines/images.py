"""Images of environments: built from a recipe, found by the lock's digest, kept in a file, removed.

An image counts once the engine has given it its name, which it does last and at one stroke; whatever a build that
was killed left behind has none. Tags tell whose word it is: what this machine built, and what came in a file. A tool
that was made for a base, and an environment with one, have tags and digests of their own.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from trailmark.durable import write_chunks
from trailmark.engines.answers import ask
from trailmark.engines.buildlog import FAILED, BuildLog
from trailmark.engines.daemon import Daemon
from trailmark.engines.image_archive import open_image
from trailmark.engines.recipe import Recipe, render
from trailmark.engines.trust import Trust
from trailmark.errors import Damaged, InvalidInput, NotFound, Unavailable
from trailmark.progress import Progress

Origin = Literal["built", "received", "proof", "tool", "equipped"]
DIGEST_LABEL = "trailmark.digest"
BASE_LABEL = "trailmark.base"
_TAGS: Mapping[Origin, str] = {
    "built": "latest",
    "received": "received",
    "proof": "proof",
    "tool": "tool",
    "equipped": "equipped",
}
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PINNED = "@sha256:"
_TAR = {"Content-Type": "application/x-tar"}
# podman writes the place where it would look for a name in front of it.
_OURS = re.compile(r"(?:localhost/|docker\.io/)?(trailmark/[0-9a-f]{32}:\w+)")


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
        facts = self._facts(reference)
        if facts is None:
            return None
        image = _image(facts, reference)
        return image if image is not None and image.digest == digest else None

    def has(self, reference: str) -> bool:
        """Return whether the engine knows an image by this name, whoever made it."""
        return self.id_of(reference) is not None

    def id_of(self, reference: str) -> str | None:
        """Return the engine's id of the image that has this name, None when there is none."""
        found = self._facts(reference)
        return _id(found) if found is not None else None

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
        self.fetch(recipe.base, progress, is_of_a_registry=recipe.is_of_a_registry)
        base = self._facts(recipe.base) or {}
        own = {BASE_LABEL: _id(base)} if base and not _OURS.fullmatch(recipe.base) else {}
        labelled = replace(recipe, labels={**recipe.labels, **own, DIGEST_LABEL: digest})
        fresh = origin == "proof"
        rendered = render(labelled, certificates=trust.certificates, programs=programs, caches=not fresh)
        self._carry_out(rendered.pack(), reference_of(digest, origin), trust, progress, fresh=fresh)
        built = self.find(digest, origin)
        if built is None:
            raise Unavailable("The engine says that it built the image, and does not have it. Try again.")
        self._require_base(built, base)
        if replaced is not None and replaced.id != built.id:
            # A session may still run in it; then it stays, without a name.
            with contextlib.suppress(self._errors.APIError):
                self._daemon.api.remove_image(replaced.id)
        return built

    def _carry_out(
        self, context: bytes, reference: str, trust: Trust, progress: Progress, *, fresh: bool
    ) -> None:
        parameters = {
            "t": reference,
            "version": "2",
            "networkmode": "host" if self._daemon.network == "host" else "default",
            "buildargs": json.dumps(dict(trust.proxies)),
            "nocache": "1" if fresh else "0",
            "rm": "1",
            "forcerm": "1",
        }
        progress.step("Building the environment", 0.0)
        what = "build the image"
        answer = ask(self._daemon, "build", what, progress, parameters=parameters, data=context, headers=_TAR)
        _follow(answer, progress)

    def _require_base(self, built: Image, base: Mapping[str, Any]) -> None:
        """Raise Unavailable, and remove what was built, if it does not begin with what its base consisted of.

        An engine that does not find a name any more, or not yet, may have looked for it elsewhere.
        """
        wanted, found = _layers(base), _layers(self._facts(built.reference) or {})
        if found[: len(wanted)] != wanted:
            self._daemon.api.remove_image(built.reference, force=True)
            raise Unavailable(
                "What the image starts from became another while it was built. It is not used; try again."
            )

    def _facts(self, reference: str) -> Mapping[str, Any] | None:
        with self._daemon.telling("look for the image"):
            try:
                found: Mapping[str, Any] = self._daemon.api.inspect_image(reference)
            except self._errors.NotFound:
                return None
        return found

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
            name = f"{repository}:{tag}"
            write_chunks(path, self._read("write the image", f"images/{name}/get", progress), mode=0o666)
        finally:
            with contextlib.suppress(self._errors.APIError):
                self._daemon.api.remove_image(f"{repository}:{tag}", noprune=True)

    def load(self, path: Path, digest: str, progress: Progress) -> Image:
        """Take the image of a digest from a file that somebody made; it is known as `received`, never as built here.

        Raises Damaged for a file that holds anything else. Nothing in it is run.
        """
        name = reference_of(digest, "received")
        with path.open("rb") as stream:
            archive = open_image(stream, path, name)
            if archive.labels.get(DIGEST_LABEL) != digest:
                raise Damaged(f"{path} does not hold the image of this environment. Build it instead.")
            progress.step("Reading the image", None)
            answer = ask(
                self._daemon,
                "images/load",
                "take the image",
                progress,
                parameters={"quiet": "1"},
                data=archive.pieces(name),
                headers=_TAR,
            )
            _follow(answer, progress, "The image could not be taken from its file, so nothing was changed.")
        image = self.find(digest, "received")
        if image is None:
            self.remove(digest, "received")
            raise Damaged(f"{path} does not hold the image of this environment. Build it instead.")
        return image

    def fetch(self, base: str, progress: Progress, *, is_of_a_registry: bool = False) -> None:
        """Have the engine fetch what an image starts from, unless it has it; some can only do so for themselves.

        Raises NotFound for a name of this machine that is not there: in a registry it would be somebody else's.
        """
        if base == "scratch" or self.has(base):
            return
        if not is_of_a_registry and _PINNED not in base:
            raise NotFound(
                f"There is no image {base} on this machine. It is not looked for elsewhere, where that name may be "
                "anybody's. Make it again, or choose another base. Nothing was changed."
            )
        progress.step(f"Fetching {base}", None)
        docker = importlib.import_module("docker")
        repository, tag = docker.utils.parse_repository_tag(base)
        registry, _ = docker.auth.resolve_repository_name(repository)
        login = docker.auth.get_config_header(self._daemon.api, registry)
        answer = ask(
            self._daemon,
            "images/create",
            f"fetch the image {base}",
            progress,
            parameters={"fromImage": repository, "tag": tag or "latest"},
            headers={"X-Registry-Auth": login} if login else {},
        )
        for line in answer:
            said = json.loads(line) if line.strip() else {}
            if "error" in said:
                raise NotFound(f"The image {base} cannot be fetched ({said['error']}). Nothing was changed.")

    def _read(self, what: str, path: str, progress: Progress) -> Iterator[bytes]:
        return ask(self._daemon, path, what, progress, method="get", lines=False)


def _id(facts: Mapping[str, Any]) -> str:
    """Return an image's id; podman leaves out the name of the algorithm."""
    return f"sha256:{str(facts.get('Id', '')).removeprefix('sha256:')}"


def _layers(facts: Mapping[str, Any]) -> list[str]:
    return list((facts.get("RootFS") or {}).get("Layers") or ())


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


def _follow(answer: Iterator[bytes], progress: Progress, failed: str = FAILED) -> None:
    """Tell what the engine says until it is done. Raises CommandFailed, which begins with `failed`."""
    log = BuildLog(failed)
    for line in answer:
        for said in log.read(line):
            if said.fraction is None:
                progress.log(said.text)
            else:
                progress.step(said.text, said.fraction)
