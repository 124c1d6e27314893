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

from trailmark.errors import InvalidInput

TRUST = "trailmark-trust"
CERTIFICATES = "ca.crt"
CERTIFICATE_VARIABLES = (
    *("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"),
    "NODE_EXTRA_CA_CERTS",
)
_WORK = "/run/trailmark"
_PROGRAMS = "/run/trailmark-programs"
_REFERENCE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._/-]*(:[0-9]+/[A-Za-z0-9._/-]+)?(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?"
)
_LENT = "programs/"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_LABEL = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")
_TARGET = re.compile(r"(/(?!\.\.?(/|$))[A-Za-z0-9._-]+)+")
_SHARING = re.compile("shared|private|locked")
_MODE = re.compile("0?[0-7]{3,4}")
_INSTRUCTIONS = ("RUN", "ENV")


@dataclass(frozen=True)
class CacheMount:
    """A folder that a person's instruction keeps from one build to the next, for one environment only."""

    target: str
    sharing: str = "shared"
    mode: str = "0755"

    def __post_init__(self) -> None:
        _check(_TARGET, self.target, "a folder of an image")
        _check(_SHARING, self.sharing, "the way in which a cache is shared")
        _check(_MODE, self.mode, "the mode of a folder")

    def flag(self, scope: str | None) -> str:
        """Return the flag of RUN: a folder that only this scope can name, or an empty one that is not kept."""
        if scope is None:
            return f"--mount=type=tmpfs,target={self.target}"
        place = hashlib.sha256(f"{scope}\0{self.target}".encode()).hexdigest()[:32]
        cache = f"type=cache,id=trailmark-own-{place},target={self.target}"
        return f"--mount={cache},sharing={self.sharing},mode={self.mode}"


@dataclass(frozen=True)
class Instruction:
    """RUN or ENV, what stands behind it in one line, and the caches that it works with."""

    word: str
    rest: str
    caches: tuple[CacheMount, ...] = ()

    def __post_init__(self) -> None:
        if self.word not in _INSTRUCTIONS or self.rest.startswith("--"):
            raise InvalidInput(f"“{self.word} {self.rest[:60]}” is not let into an image.")
        _one_line(self.rest, f"What stands behind {self.word}", "\n\r\0")


@dataclass(frozen=True)
class Fragment:
    """A person's own instructions. What their caches keep is found again by builds of the same `scope` only."""

    name: str
    instructions: tuple[Instruction, ...]
    scope: str = ""

    def __post_init__(self) -> None:
        _check(_NAME, self.name, "the name of a snippet")

    def lines(self, *, caches: bool) -> list[str]:
        """Return the lines; without `caches`, what is to be kept is empty and is not kept."""
        scope = f"{self.scope}\0{self.name}" if caches else None
        return [
            f"# {self.name}",
            *(
                " ".join((one.word, *(cache.flag(scope) for cache in one.caches), one.rest))
                for one in self.instructions
            ),
        ]


@dataclass(frozen=True)
class Layer:
    """One step of an image: lines of a shell script, which stops at the first that fails.

    The script runs as root in a folder with `files` (by relative path), which it may read and which are not in the
    image; what shall stay it copies to its place. `caches` are folders that outlive a build and are in no image;
    `needs` names programs that are lent to the script, `env` the variables that the image has from here on.
    """

    name: str
    run: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    caches: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(_NAME, self.name, "the name of a layer")
        for line in self.run:
            _one_line(line, f"A line of the layer {self.name}", "\n\0")
        for path in self.files:
            _check_path(path, self.files)
        for target in self.caches:
            _check(_TARGET, target, "a folder of an image")
        for name in self.needs:
            _check(_NAME, name, "the name of a program")
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
            # Sets in bytecode are written in an order that is the same on every machine.
            "export PYTHONHASHSEED=0",
            f"if [ -f {certificates} ]; then export {exports}; fi",
            *((f'PATH={_PROGRAMS}:"$PATH"',) if self.needs else ()),
            *(f"mkdir -p {target}" for target in sorted(self.caches)),
            *self.run,
            "",
        ]
        return "\n".join(lines).encode()

    @property
    def digest(self) -> str:
        """A digest of all that the layer's script can see of the recipe."""
        digest = hashlib.sha256(self.script)
        for path, data in sorted(self.files.items()):
            digest.update(f"\0{path}\0{len(data)}\0".encode() + data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Brought:
    """A folder of another image, which is taken over to the same place."""

    name: str
    image: str
    folder: str

    def __post_init__(self) -> None:
        _check(_NAME, self.name, "the name of a layer")
        _check(_REFERENCE, self.image, "an image")
        _check(_TARGET, self.folder, "a folder of an image")

    def lines(self) -> list[str]:
        """Return the lines that bring it."""
        return [f"# {self.name}", f"COPY --from={self.image} {json.dumps([self.folder, self.folder])}"]


@dataclass(frozen=True)
class Recipe:
    """An image: what it starts from (a reference, best with a digest), then layers and fragments in their order.

    What it starts from is looked for in a registry only if that is where it comes from: then it has a digest, or
    `is_of_a_registry` says so. Any other name is one of this machine, and anybody's in a registry.
    """

    base: str
    layers: tuple[Layer | Fragment | Brought, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    is_of_a_registry: bool = False

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
        files = {"Dockerfile": self.dockerfile.encode(), **self.context}
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for path, data in sorted(files.items()):
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(data), 0o755 if path.startswith(_LENT) else 0o644
                archive.addfile(entry, io.BytesIO(data))
        return packed.getvalue()


def render(
    recipe: Recipe,
    *,
    certificates: bytes | None = None,
    programs: Mapping[str, bytes] | None = None,
    caches: bool = True,
) -> Rendered:
    """Return the Dockerfile for a recipe. Raises InvalidInput when a program that a layer needs is not given.

    The certificates are trusted and the programs lent while it is built; neither is in the image. Without
    `caches`, everything is fetched anew.
    """
    lines = [f"FROM scratch AS {TRUST}", f'COPY ["trust", "/{TRUST}"]', ""] if certificates else []
    lines += [f"FROM {recipe.base}", "USER root"]
    context = {f"trust/{CERTIFICATES}": certificates} if certificates else {}
    for number, layer in enumerate(recipe.layers, 1):
        if isinstance(layer, Fragment):
            lines += ["", *layer.lines(caches=caches)]
            continue
        if isinstance(layer, Brought):
            lines += ["", *layer.lines()]
            continue
        context |= {f"{_LENT}{name}": _program(name, programs or {}) for name in layer.needs}
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
    if layer.needs:
        mounts.append(f"type=bind,source={_LENT.rstrip('/')},target={_PROGRAMS}")
    for target in sorted(layer.caches) if caches else ():
        name = target.strip("/").replace("/", "-")
        mounts.append(f"type=cache,id=trailmark-{name},target={target},sharing=locked")
    # The digest is for engines that do not look into what they mount when they decide whether to run it again.
    program = json.dumps(["/bin/sh", f"{_WORK}/run.sh", layer.name, layer.digest])
    return [*lines, f"RUN {' '.join(f'--mount={mount}' for mount in mounts)} {program}"]


def _program(name: str, programs: Mapping[str, bytes]) -> bytes:
    if name not in programs:
        raise InvalidInput(f"The program {name} is needed to build this image, and is not at hand.")
    return programs[name]


def _quoted(value: str) -> str:
    """Return a value as a Dockerfile's instruction takes it. Raises InvalidInput for more than one line."""
    _one_line(value, "The value of a variable or label", "\n\r\0")
    return '"' + re.sub(r'([\\"$])', r"\\\1", value) + '"'


def _one_line(text: str, what: str, ends: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{what} is not text that can be written ({error.reason}).") from error
    if any(end in text for end in ends):
        raise InvalidInput(f"{what} holds more than one line: {text[:60]!r}.")


def _check(form: re.Pattern[str], text: str, what: str) -> None:
    if not form.fullmatch(text):
        raise InvalidInput(f"“{text[:100]}” cannot be {what}.")


def _check_path(path: str, others: Mapping[str, bytes]) -> None:
    _one_line(path, "The place of a file in a layer", "\n\r\0")
    parts = path.split("/")
    above = {"/".join(parts[:count]) for count in range(1, len(parts))}
    if any(part in ("", ".", "..") for part in parts) or above & others.keys():
        raise InvalidInput(f"“{path[:100]}” cannot be the place of a file in a layer.")
