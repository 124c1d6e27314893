"""An image in a file that somebody made: read strictly, and written anew with nothing but what was looked at.

Engines take several descriptions from one file, the last of those that are there twice, and follow links. So a file
is never handed to one: what goes there is an archive of our own with one description, under one name, and the pieces
that it names.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from trailmark.errors import Damaged

_MANIFEST = "manifest.json"
_HEX = r"[0-9a-f]{64}"
_KNOWN = re.compile(
    rf"manifest\.json|repositories|index\.json|oci-layout|{_HEX}\.(?:json|tar)|{_HEX}/(?:VERSION|json|layer\.tar)"
    rf"|blobs/sha256/{_HEX}"
)
_FOLDER = re.compile(rf"{_HEX}|blobs|blobs/sha256")
_LARGEST_TEXT = 10_000_000
_MOST_MEMBERS = 10_000
_PIECE = 1 << 20
_UNREADABLE = (OSError, tarfile.TarError, ValueError, TypeError, KeyError, AttributeError, RecursionError)


@dataclass(frozen=True)
class _Blob:
    offset: int
    size: int


@dataclass(frozen=True)
class ImageArchive:
    """One image in an open file: its configuration, whole, and where its layers lie."""

    stream: IO[bytes]
    config: bytes
    layers: tuple[_Blob, ...]

    @property
    def labels(self) -> Mapping[str, object]:
        """The labels of the image, as its configuration has them."""
        found = _table(_table(json.loads(self.config)).get("config"))
        return _table(found.get("Labels"))

    @property
    def size(self) -> int:
        """How many bytes its layers have."""
        return sum(blob.size for blob in set(self.layers))

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the archive that engines take, with the image under one name."""
        blobs = {blob: f"{number:04}.tar" for number, blob in enumerate(dict.fromkeys(self.layers))}
        config = f"{hashlib.sha256(self.config).hexdigest()}.json"
        layers = [blobs[blob] for blob in self.layers]
        manifest = json.dumps([{"Config": config, "RepoTags": [name], "Layers": layers}]).encode()
        for path, text in ((config, self.config), (_MANIFEST, manifest)):
            yield from _member(path, len(text), iter((text,)))
        for blob, path in blobs.items():
            yield from _member(path, blob.size, self._read(blob))
        yield b"\0" * (2 * tarfile.BLOCKSIZE)

    def _read(self, blob: _Blob) -> Iterator[bytes]:
        self.stream.seek(blob.offset)
        left = blob.size
        while left:
            piece = self.stream.read(min(_PIECE, left))
            if not piece:
                raise Damaged("The file of the image ends in the middle. Nothing was changed.")
            left -= len(piece)
            yield piece


def open_image(stream: IO[bytes], path: Path, name: str) -> ImageArchive:
    """Return the one image that a file holds under a name, or under that name at an engine's own place.

    Raises Damaged for a file with anything else: another name, a second description, a link to elsewhere.
    """
    try:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            members = _members(archive)
            described = json.loads(_text(stream, _file(members, _MANIFEST)))
        if not isinstance(described, list) or len(described) != 1:
            raise ValueError("it holds several images, or none")
        _require_named(path, described[0]["RepoTags"] or (), name)
        config = _text(stream, _file(members, described[0]["Config"]))
        layers = tuple(_blob(_file(members, layer)) for layer in described[0]["Layers"])
        image = ImageArchive(stream, config, layers)
        _ = image.labels
    except _UNREADABLE as error:
        raise Damaged(f"{path} is not an image that can be read ({error}). Nothing was changed.") from error
    return image


def _members(archive: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """Return the members by their names. Raises ValueError for one that no engine writes, or that is there twice."""
    found: dict[str, tarfile.TarInfo] = {}
    for member in archive:
        name = member.name
        if name in found or len(found) == _MOST_MEMBERS:
            raise ValueError(f"“{name[:80]}” is in it twice, or there is too much in it")
        is_file = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse()
        if not (_KNOWN.fullmatch(name) and (is_file or member.issym())) and not (
            member.isdir() and _FOLDER.fullmatch(name)
        ):
            raise ValueError(f"nothing called “{name[:80]}”, of that kind, belongs into an image")
        found[name] = member
    return found


def _file(members: Mapping[str, tarfile.TarInfo], name: object) -> tarfile.TarInfo:
    """Return the file of a name; older engines write a layer that is there already as a link to it."""
    if not isinstance(name, str) or name not in members:
        raise ValueError(f"“{str(name)[:80]}” is missing in it")
    member = members[name]
    if member.issym():
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
        member = members.get(target, member)
    if not member.isreg():
        raise ValueError(f"“{name[:80]}” is no file")
    return member


def _text(stream: IO[bytes], member: tarfile.TarInfo) -> bytes:
    if member.size > _LARGEST_TEXT:
        raise ValueError(f"its {member.name} is too large")
    stream.seek(member.offset_data)
    return stream.read(member.size)


def _blob(member: tarfile.TarInfo) -> _Blob:
    return _Blob(member.offset_data, member.size)


def _require_named(path: Path, names: object, wanted: str) -> None:
    allowed = re.compile(rf"(localhost/|docker\.io/)?{re.escape(wanted)}")
    found = [str(name)[:200] for name in names] if isinstance(names, list) else []
    if not found or not all(allowed.fullmatch(name) for name in found):
        raise Damaged(
            f"{path} holds the image of another environment ({', '.join(sorted(found)) or 'no name'}). Nothing was "
            "changed."
        )


def _table(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError("its configuration has another form")
    return value


def _member(name: str, size: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    yield entry.tobuf(tarfile.GNU_FORMAT)
    yield from pieces
    yield b"\0" * (-size % tarfile.BLOCKSIZE)
