"""The one-file form of a project, `NAME.trailmark`, and the only code that reads and writes it.

A file is a zstd stream of a plain tar (POSIX ustar; sizes above 8 GiB in base 256) with two members:

    manifest.json       what the project is called, its refs, and the files that git does not hold
    repository.bundle   a git bundle with every branch, tag and record

Whoever reads one trusts nothing: names, kinds and sizes are checked before the first byte is written.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import zstandard

from trailmark.durable import sync_folder
from trailmark.errors import Cancelled, Damaged, InvalidInput
from trailmark.progress import Progress

SUFFIX = ".trailmark"
MANIFEST = "manifest.json"
BUNDLE = "repository.bundle"
FORMAT = 1

_BLOCK = 512
_CHUNK = 1 << 20
_MAGIC = b"ustar\x0000"
_LARGEST_OCTAL = 8**11 - 1
_MANIFEST_BYTES = 64 * 1024 * 1024
_MOST_RATIO = 100
_FREE_RATIO_BYTES = 64 * 1024 * 1024
_WINDOW_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True)
class NotHeld:
    """A file of the project that git does not hold and that the archive therefore lacks."""

    path: str
    bytes: int
    digest: str | None


@dataclass(frozen=True)
class Contents:
    """What an archive says of itself."""

    name: str
    description: str
    branch: str | None
    refs: Mapping[str, str]
    not_held: tuple[NotHeld, ...]
    created: float
    bundle_digest: str

    def to_json(self) -> bytes:
        """Return the form that is stored as `manifest.json`."""
        value = {"format": FORMAT, **asdict(self)}
        return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Contents:
        """Read `manifest.json`. Raises Damaged, or InvalidInput for a format of the future."""
        try:
            value = json.loads(data)
            if value["format"] > FORMAT:
                raise InvalidInput(
                    "The file was written by a newer Trailmark; update this one and try again."
                )
            return cls(
                name=_text(value["name"]),
                description=_text(value["description"]),
                branch=None if value["branch"] is None else _text(value["branch"]),
                refs={_text(name): _text(oid) for name, oid in value["refs"].items()},
                not_held=tuple(_not_held(item) for item in value["not_held"]),
                created=float(value["created"]),
                bundle_digest=_text(value["bundle_digest"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Damaged("The file's description of itself cannot be read; it is damaged.") from error


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


def write_archive(target: Path, manifest: bytes, bundle: Path, progress: Progress) -> None:
    """Write an archive whole or not at all; on return it is on disk. Raises OSError, Cancelled."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    compressor = zstandard.ZstdCompressor(level=3, threads=-1, write_checksum=True)
    try:
        with temporary.open("xb") as file:
            with compressor.stream_writer(file, closefd=False) as out:
                out.write(_header(MANIFEST, len(manifest)) + manifest + _padding(len(manifest)))
                size = bundle.stat().st_size
                out.write(_header(BUNDLE, size))
                with bundle.open("rb") as stream:
                    _copy(stream, out, size, progress, "Writing the file")
                out.write(_padding(size) + bytes(2 * _BLOCK))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(target.parent)


def unpack(archive: Path, into: Path, progress: Progress) -> Contents:
    """Check an archive from end to end, then put its two members into the empty folder `into`.

    Raises Damaged for what is no whole archive, InvalidInput for one that asks for more than is sensible.
    """
    limit = _FREE_RATIO_BYTES + _MOST_RATIO * archive.stat().st_size
    _require_room(into, _measure(archive, limit, progress))
    digest = hashlib.sha256()
    with _reading(archive) as stream:
        for name, size in _members(stream, limit):
            fd = os.open(into / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(fd, "wb") as out:
                for chunk in _content(stream, size):
                    out.write(chunk)
                    if name == BUNDLE:
                        digest.update(chunk)
    contents = Contents.from_json((into / MANIFEST).read_bytes())
    if digest.hexdigest() != contents.bundle_digest:
        raise Damaged("The history in the file is not what the file says it is; it is damaged.")
    return contents


def is_archive(path: Path) -> bool:
    """Return whether a file begins as an archive does."""
    try:
        with path.open("rb") as stream:
            return stream.read(4) == b"\x28\xb5\x2f\xfd"
    except OSError:
        return False


def _measure(archive: Path, limit: int, progress: Progress) -> int:
    """Return how many bytes the members take; every rule of the format is checked on the way."""
    seen: list[str] = []
    total = 0
    with _reading(archive) as stream:
        for name, size in _members(stream, limit):
            seen.append(name)
            total += size
            for _ in _content(stream, size):
                if progress.cancelled:
                    raise Cancelled("The import was stopped; nothing was changed.")
    if seen != [MANIFEST, BUNDLE]:
        raise Damaged("The file is not a whole exported project.")
    return total


def _members(stream: _Readable, limit: int) -> Iterator[tuple[str, int]]:
    """Yield the name and size of each member; its content must be read before the next one."""
    left = limit
    while True:
        block = _exactly(stream, _BLOCK)
        if block == bytes(_BLOCK):
            if _exactly(stream, _BLOCK) != bytes(_BLOCK) or stream.read(1):
                raise Damaged("The file goes on after its end.")
            return
        name, size = _parse_header(block)
        if name not in (MANIFEST, BUNDLE) or (name == MANIFEST and size > _MANIFEST_BYTES):
            raise Damaged(f"The file holds what no exported project holds ({name[:60]!r}).")
        left -= size + 2 * _BLOCK
        if left < 0:
            raise InvalidInput("The file would unpack to far more than an exported project can hold.")
        yield name, size


def _content(stream: _Readable, size: int) -> Iterator[bytes]:
    left = size
    while left:
        chunk = stream.read(min(left, _CHUNK))
        if not chunk:
            raise Damaged("The file ends too early; it was not copied whole.")
        left -= len(chunk)
        yield chunk
    if _exactly(stream, -size % _BLOCK).strip(b"\0"):
        raise Damaged("The file is damaged.")


def _exactly(stream: _Readable, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            raise Damaged("The file ends too early; it was not copied whole.")
        data += more
    return data


def _header(name: str, size: int) -> bytes:
    """Return the tar header of an ordinary file."""
    octal = b"%011o\0" % size if size <= _LARGEST_OCTAL else b"\x80" + size.to_bytes(11, "big")
    fields = [
        name.encode().ljust(100, b"\0"), b"0000644\0", b"0000000\0", b"0000000\0", octal, b"00000000000\0",
        b" " * 8, b"0", bytes(100), _MAGIC, bytes(64), b"0000000\0", b"0000000\0",
    ]  # fmt: skip
    block = b"".join(fields).ljust(_BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _parse_header(block: bytes) -> tuple[str, int]:
    """Read a header; only what `_header` writes is let through. Raises Damaged."""
    try:
        name = block[:100].rstrip(b"\0").decode("ascii")
        octal = block[124:136]
        size = int.from_bytes(octal[1:], "big") if octal[0] == 0x80 else int(octal.rstrip(b"\0"), 8)
        if size >= 0 and _header(name, size) == block:
            return name, size
    except (ValueError, OverflowError):
        pass
    raise Damaged("The file is no exported project, or it is damaged.")


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


@contextmanager
def _reading(archive: Path) -> Iterator[_Readable]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
    try:
        with archive.open("rb") as file, decompressor.stream_reader(file, closefd=False) as stream:
            yield stream
    except zstandard.ZstdError as error:
        raise Damaged(f"{archive.name} is no exported project, or it is damaged ({error}).") from error


def _copy(source: BinaryIO, target: Any, size: int, progress: Progress, message: str) -> None:
    done = 0
    while chunk := source.read(_CHUNK):
        if progress.cancelled:
            raise Cancelled("The export was stopped; no file was written.")
        target.write(chunk)
        done += len(chunk)
        progress.step(message, done / size)


def _require_room(folder: Path, size: int) -> None:
    status = os.statvfs(folder)
    if size > status.f_bavail * status.f_frsize:
        raise InvalidInput(
            f"The project takes {size / 1e9:.1f} GB unpacked, more than {folder} has room for. Nothing was changed."
        )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    value.encode()
    return value


def _not_held(item: Mapping[str, Any]) -> NotHeld:
    digest = item["digest"]
    return NotHeld(_text(item["path"]), int(item["bytes"]), None if digest is None else _text(digest))
