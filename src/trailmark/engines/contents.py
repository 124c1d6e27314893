"""What lies in an image: every file, folder and link, read from the engine without running anything of it."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, cast

from trailmark.engines.answers import ask
from trailmark.engines.daemon import Daemon
from trailmark.engines.leftovers import PASSING
from trailmark.errors import Damaged
from trailmark.progress import NullProgress, Progress

_PIECE = 1 << 20
_LONGEST_TEXT = 50_000_000
# What of an image's own settings reaches a session; user, command and working directory are chosen for each.
_SETTINGS = ("Entrypoint", "Healthcheck", "OnBuild", "Shell", "Volumes")
_CODE = ".pyc"
_MADE = "/pyvenv.cfg"
_MADE_BY = re.compile(rb"^uv = [0-9a-z.+-]+$", re.MULTILINE)
_MOMENT = slice(8, 12)


@dataclass(frozen=True)
class Contents:
    """All that lies in an image by its paths (without the first slash): hash or target, mode and owner.

    `texts` has those files whole that were asked for; `settings` what the image says of the programs that run in it.
    """

    files: dict[str, str] = field(repr=False)
    texts: dict[str, str] = field(default_factory=dict, repr=False)
    settings: dict[str, str] = field(default_factory=dict, repr=False)


def read_contents(
    daemon: Daemon, reference: str, texts: frozenset[str] = frozenset(), progress: Progress | None = None
) -> Contents:
    """Return what lies in an image. A container is made for it, never started, and removed again.

    Raises Cancelled within a moment when it is no longer wanted.
    """
    with daemon.telling("read the image"):
        config = daemon.api.inspect_image(reference)["Config"] or {}
        container = daemon.api.create_container(reference, ["true"], labels={PASSING: ""})["Id"]
    try:
        pieces = ask(
            daemon,
            f"containers/{container}/export",
            "read the image",
            progress or NullProgress(),
            method="get",
            lines=False,
        )
        found = read_archive(_Stream(pieces), texts)
    finally:
        with daemon.telling("remove the container again"):
            daemon.api.remove_container(container, force=True)
    return Contents(found.files, found.texts, _settings(config))


def read_archive(stream: io.RawIOBase, texts: frozenset[str] = frozenset()) -> Contents:
    """Return what lies in a tar archive that is read once, from its beginning. Raises Damaged."""
    files: dict[str, str] = {}
    found: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|") as archive:
            for entry in archive:
                path = _path(entry.name)
                if entry.isreg():
                    digest, text = _read(archive.extractfile(entry), path, keep=path in texts)
                    files[path] = f"{digest}{_kept(entry)}"
                    if text is not None:
                        found[path] = text
                elif entry.islnk() and _path(entry.linkname) in files:
                    files[path] = files[_path(entry.linkname)]
                elif path:
                    files[path] = f"{_kind(entry)}{_kept(entry)}"
    except (tarfile.TarError, EOFError) as error:
        raise Damaged(f"What the engine gave of the image cannot be read ({error}). Try again.") from error
    return Contents(files, found)


def _path(name: str) -> str:
    return "" if name in (".", "./") else name.removeprefix("./").strip("/")


def _kind(entry: tarfile.TarInfo) -> str:
    if entry.issym() or entry.islnk():
        return f"→ {entry.linkname}"
    if entry.isdir():
        return "folder"
    if entry.ischr() or entry.isblk():
        return f"device {entry.type.decode('ascii', 'replace')} {entry.devmajor}:{entry.devminor}"
    return "pipe" if entry.isfifo() else "another kind"


def _kept(entry: tarfile.TarInfo) -> str:
    """Return mode and owner, where they are other than of most; a link has no mode of its own."""
    usual = 0o755 if entry.isdir() else 0o644
    mode = usual if entry.issym() else entry.mode & 0o7777
    said = [f"mode {mode:04o}"] if mode != usual else []
    said += [f"owner {entry.uid}:{entry.gid}"] if (entry.uid, entry.gid) != (0, 0) else []
    return f", {', '.join(said)}" if said else ""


def _read(file: IO[bytes] | None, path: str, *, keep: bool) -> tuple[str, str | None]:
    """Return a file's hash, and its text if asked for.

    In bytecode the moment of its source does not count, nor does it which uv made a virtual environment.
    """
    digest, kept, is_first = hashlib.sha256(), bytearray(), path.endswith((_CODE, _MADE))
    while file is not None and (piece := file.read(_PIECE)):
        if is_first:
            digest.update(_timeless(piece) if path.endswith(_CODE) else _MADE_BY.sub(b"uv", piece))
        else:
            digest.update(piece)
        is_first = False
        if keep and len(kept) < _LONGEST_TEXT:
            kept += piece
    return digest.hexdigest(), kept.decode("utf-8", "replace") if keep else None


def _timeless(code: bytes) -> bytes:
    """Return the beginning of bytecode without the moment of its source; one with a hash in that place is left."""
    if len(code) < _MOMENT.stop or any(code[4:8]):
        return code
    return code[: _MOMENT.start] + bytes(4) + code[_MOMENT.stop :]


def _settings(config: Mapping[str, Any]) -> dict[str, str]:
    variables = dict(one.partition("=")[::2] for one in config.get("Env") or ())
    found = {f"variable {name}": value for name, value in variables.items()}
    return found | {name: json.dumps(config[name], sort_keys=True) for name in _SETTINGS if config.get(name)}


class _Stream(io.RawIOBase):
    """The pieces that an engine sends, as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """It can be read."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return as many bytes as were asked for, fewer at the end."""
        parts, wanted = [], size
        while wanted:
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._rest = memoryview(piece)
            taken = self._rest[: wanted if wanted > 0 else None]
            self._rest = self._rest[len(taken) :]
            parts.append(bytes(taken))
            wanted = wanted - len(taken) if wanted > 0 else wanted
        return b"".join(parts)
