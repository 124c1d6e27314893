"""Writing many git objects at once: into one pack, or loose. For synthetic repositories; nothing is flushed."""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from pathlib import Path
from typing import Protocol

from trailmark.git import Oid

_NUMBERS = {"commit": 1, "tree": 2, "blob": 3}
_LARGE_OFFSET = 0x80000000


class ObjectSink(Protocol):
    """Takes objects in."""

    def write(self, kind: str, content: bytes) -> Oid:
        """Store an object (commit, tree or blob); one that was stored before is not stored again."""

    def close(self) -> None:
        """Finish; from then on git finds the objects."""


class LooseSink:
    """Writes each object into a file of its own."""

    def __init__(self, objects: Path) -> None:
        self._objects = objects

    def write(self, kind: str, content: bytes) -> Oid:
        """Store an object in a file of its own."""
        whole = b"%s %d\0%s" % (kind.encode(), len(content), content)
        oid = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
        path = f"{self._objects}/{oid[:2]}/{oid[2:]}"
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as stream:
                stream.write(zlib.compress(whole, 1))
        return Oid(oid)

    def close(self) -> None:
        """Do nothing: every object is in place already."""


class PackSink:
    """Writes all objects into one pack, without deltas, and its index."""

    def __init__(self, objects: Path) -> None:
        self._folder = objects / "pack"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._temporary = self._folder / "tmp_pack_synthetic"
        self._stream = self._temporary.open("w+b", buffering=1 << 20)
        self._stream.write(b"PACK" + struct.pack(">II", 2, 0))
        self._offset = 12
        self._entries: dict[bytes, tuple[int, int]] = {}

    def write(self, kind: str, content: bytes) -> Oid:
        """Append an object to the pack."""
        oid = hashlib.sha1(b"%s %d\0%s" % (kind.encode(), len(content), content), usedforsecurity=False)
        if oid.digest() not in self._entries:
            data = _entry_header(_NUMBERS[kind], len(content)) + zlib.compress(content, 1)
            self._entries[oid.digest()] = (self._offset, zlib.crc32(data))
            self._stream.write(data)
            self._offset += len(data)
        return Oid(oid.hexdigest())

    def close(self) -> None:
        """Complete the pack and write its index."""
        checksum = self._complete()
        name = self._folder / f"pack-{checksum.hex()}"
        name.with_suffix(".idx").write_bytes(self._index(checksum))
        self._temporary.rename(name.with_suffix(".pack"))

    def _complete(self) -> bytes:
        self._stream.seek(8)
        self._stream.write(struct.pack(">I", len(self._entries)))
        self._stream.seek(0)
        checksum = hashlib.sha1(usedforsecurity=False)
        while block := self._stream.read(1 << 20):
            checksum.update(block)
        self._stream.write(checksum.digest())
        self._stream.close()
        return checksum.digest()

    def _index(self, checksum: bytes) -> bytes:
        oids = sorted(self._entries)
        fanout, at = [], 0
        for first in range(256):
            while at < len(oids) and oids[at][0] == first:
                at += 1
            fanout.append(at)
        large: list[int] = []
        offsets = []
        for oid in oids:
            offset = self._entries[oid][0]
            if offset >= _LARGE_OFFSET:
                large.append(offset)
                offset = _LARGE_OFFSET | (len(large) - 1)
            offsets.append(offset)
        parts = [
            b"\377tOc" + struct.pack(">I", 2) + struct.pack(">256I", *fanout),
            b"".join(oids),
            struct.pack(f">{len(oids)}I", *(self._entries[oid][1] for oid in oids)),
            struct.pack(f">{len(oids)}I", *offsets),
            struct.pack(f">{len(large)}Q", *large),
            checksum,
        ]
        body = b"".join(parts)
        return body + hashlib.sha1(body, usedforsecurity=False).digest()


def _entry_header(number: int, size: int) -> bytes:
    header = bytearray()
    byte = (number << 4) | (size & 15)
    size >>= 4
    while size:
        header.append(byte | 128)
        byte = size & 127
        size >>= 7
    header.append(byte)
    return bytes(header)
