"""What lies in an image: the hash of every file, read from the engine without running anything of it."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, cast

from trailmark.engines.daemon import Daemon
from trailmark.engines.leftovers import PASSING
from trailmark.errors import Damaged

_PIECE = 1 << 20
_LONGEST_TEXT = 50_000_000


@dataclass(frozen=True)
class Contents:
    """The files of an image by their paths (without the first slash): SHA-256, or “→ target” for a link.

    `texts` has those files whole that were asked for.
    """

    files: dict[str, str] = field(repr=False)
    texts: dict[str, str] = field(default_factory=dict, repr=False)


def read_contents(daemon: Daemon, reference: str, texts: frozenset[str] = frozenset()) -> Contents:
    """Return what lies in an image. A container is made for it, never started, and removed again."""
    with daemon.telling("read the image"):
        container = daemon.api.create_container(reference, ["true"], labels={PASSING: ""})["Id"]
        try:
            return read_archive(_Stream(daemon.api.export(container)), texts)
        finally:
            daemon.api.remove_container(container, force=True)


def read_archive(stream: io.RawIOBase, texts: frozenset[str] = frozenset()) -> Contents:
    """Return what lies in a tar archive that is read once, from its beginning. Raises Damaged."""
    files: dict[str, str] = {}
    found: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|") as archive:
            for entry in archive:
                path = entry.name.removeprefix("./").strip("/")
                if entry.issym():
                    files[path] = f"→ {entry.linkname}"
                elif entry.islnk():
                    files[path] = files.get(
                        entry.linkname.removeprefix("./").strip("/"), f"→ {entry.linkname}"
                    )
                elif entry.isreg():
                    digest, text = _read(archive.extractfile(entry), keep=path in texts)
                    files[path] = digest
                    if text is not None:
                        found[path] = text
    except (tarfile.TarError, EOFError) as error:
        raise Damaged(f"What the engine gave of the image cannot be read ({error}). Try again.") from error
    return Contents(files, found)


def _read(file: IO[bytes] | None, *, keep: bool) -> tuple[str, str | None]:
    digest, kept = hashlib.sha256(), bytearray()
    while file is not None and (piece := file.read(_PIECE)):
        digest.update(piece)
        if keep and len(kept) < _LONGEST_TEXT:
            kept += piece
    return digest.hexdigest(), kept.decode("utf-8", "replace") if keep else None


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
