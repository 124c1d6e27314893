"""What an image is made of, and the Dockerfile for it: the same recipe gives the same bytes (pure).

What a layer runs goes into a script beside the Dockerfile, so that nothing that comes from outside is ever a part
of an instruction, but for values that are quoted here and names that are checked here.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from trailmark.engines.snippet import Snippet
from trailmark.errors import InvalidInput

TRUST = "trailmark-trust"
CERTIFICATES = "ca.crt"
CERTIFICATE_VARIABLES = (
    *("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"),
    "NODE_EXTRA_CA_CERTS",
)
_WORK = "/run/trailmark"
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_LABEL = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")
_TARGET = re.compile(r"(/[A-Za-z0-9._-]+)+")


@dataclass(frozen=True)
class CacheMount:
    """A folder that outlives a build and is in no image: what one build fetched, the next has."""

    id: str
    target: str

    def __post_init__(self) -> None:
        _check(_NAME, self.id, "the name of a cache")
        _check(_TARGET, self.target, "a folder of an image")
        if ".." in PurePosixPath(self.target).parts:
            raise InvalidInput(f"“{self.target}” is not a whole path.")


@dataclass(frozen=True)
class Layer:
    """One step of an image: lines of a shell script, which stops at the first that fails.

    The script runs as root in a folder with `files` (by relative path), which it may read and which are not in the
    image; what shall stay it copies to its place. `env` holds the variables that the image has from here on.
    """

    name: str
    run: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    caches: tuple[CacheMount, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(_NAME, self.name, "the name of a layer")
        for line in self.run:
            if "\n" in line or "\0" in line:
                raise InvalidInput(f"A line of the layer {self.name} holds more than one line.")
        for path in self.files:
            _check_path(path)
        for name, value in self.env.items():
            _check(_VARIABLE, name, "the name of a variable")
            _quoted(value)

    @property
    def script(self) -> bytes:
        """What is run: the lines, after the certificates are made known."""
        certificates = f"/run/{TRUST}/{CERTIFICATES}"
        exports = " ".join(f"{name}={certificates}" for name in CERTIFICATE_VARIABLES)
        lines = [
            "set -eu",
            f"cd {_WORK}/files",
            f"if [ -f {certificates} ]; then export {exports}; fi",
            *self.run,
            "",
        ]
        return "\n".join(lines).encode("utf-8", "surrogateescape")

    @property
    def digest(self) -> str:
        """A digest of all that the layer's script can see of the recipe."""
        digest = hashlib.sha256(self.script)
        for path, data in sorted(self.files.items()):
            digest.update(f"\0{path}\0{len(data)}\0".encode("utf-8", "surrogateescape") + data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Recipe:
    """An image: what it starts from (a reference, best with a digest), then layers and snippets in their order."""

    base: str
    layers: tuple[Layer | Snippet, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(_REFERENCE, self.base, "an image")
        if self.base.split(":")[0] == TRUST:
            raise InvalidInput(f"An image cannot start from “{self.base}”: that name is taken.")
        for name, value in self.labels.items():
            _check(_LABEL, name, "the name of a label")
            _quoted(value)


@dataclass(frozen=True)
class Rendered:
    """A Dockerfile and the files beside it."""

    dockerfile: str
    context: Mapping[str, bytes]

    def pack(self) -> bytes:
        """Return both as the archive that engines take: the same bytes for the same content."""
        packed = io.BytesIO()
        files = {"Dockerfile": self.dockerfile.encode("utf-8", "surrogateescape"), **self.context}
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for path, data in sorted(files.items()):
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(data), 0o644
                archive.addfile(entry, io.BytesIO(data))
        return packed.getvalue()


def render(recipe: Recipe, *, certificates: bytes | None = None, caches: bool = True) -> Rendered:
    """Return the Dockerfile for a recipe. The certificates are trusted while it is built and are in no image.

    Without `caches`, everything is fetched anew.
    """
    lines = [f"FROM scratch AS {TRUST}", f'COPY ["trust", "/{TRUST}"]', ""] if certificates else []
    lines += [f"FROM {recipe.base}", "USER root"]
    context = {f"trust/{CERTIFICATES}": certificates} if certificates else {}
    for number, layer in enumerate(recipe.layers, 1):
        if isinstance(layer, Snippet):
            lines += ["", f"# {layer.name}", *layer.lines, "USER root", 'SHELL ["/bin/sh", "-c"]']
            continue
        folder = f"layers/{number:02}-{layer.name}"
        lines += ["", *_layer(layer, folder, trust=certificates is not None, caches=caches)]
        context[f"{folder}/run.sh"] = layer.script
        context[f"{folder}/files/.empty"] = b""
        context |= {f"{folder}/files/{path}": data for path, data in layer.files.items()}
    lines += ["", *(f"LABEL {name}={_quoted(value)}" for name, value in sorted(recipe.labels.items()))]
    return Rendered("\n".join(lines).rstrip("\n") + "\n", context)


def _layer(layer: Layer, folder: str, *, trust: bool, caches: bool) -> list[str]:
    lines = [f"ENV {name}={_quoted(value)}" for name, value in sorted(layer.env.items())]
    if not layer.run:
        return lines
    mounts = [f"type=bind,source={folder},target={_WORK}"]
    if trust:
        mounts.append(f"type=bind,from={TRUST},source=/{TRUST},target=/run/{TRUST}")
    if caches:
        found = sorted(layer.caches, key=lambda cache: cache.target)
        mounts += [f"type=cache,id=trailmark-{one.id},target={one.target},sharing=locked" for one in found]
    # The digest is for engines that do not look into what they mount when they decide whether to run it again.
    program = json.dumps(["/bin/sh", f"{_WORK}/run.sh", layer.name, layer.digest])
    return [*lines, f"RUN {' '.join(f'--mount={mount}' for mount in mounts)} {program}"]


def _quoted(value: str) -> str:
    """Return a value as a Dockerfile's instruction takes it. Raises InvalidInput for more than one line."""
    if any(mark in value for mark in "\n\r\0"):
        raise InvalidInput(
            f"“{value[:60]!r}” holds more than one line, so it cannot be a variable of an image."
        )
    return '"' + re.sub(r'([\\"$])', r"\\\1", value) + '"'


def _check(form: re.Pattern[str], text: str, what: str) -> None:
    if not form.fullmatch(text):
        raise InvalidInput(f"“{text[:100]}” cannot be {what}.")


def _check_path(path: str) -> None:
    parts = path.split("/")
    if not path or any(part in ("", ".", "..") for part in parts) or any(mark in path for mark in "\n\0"):
        raise InvalidInput(f"“{path[:100]!r}” cannot be the place of a file in a layer.")
