"""Reading everything that can be reached, so that a single altered bit is found."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from trailmark.errors import Damaged, NotFound
from trailmark.git.model import Oid
from trailmark.git.objects import Objects, named_by_tree, parse_commit, unpack_loose
from trailmark.git.repository import Repository

_BLOCK = 1 << 20
_CHECKSUM_BYTES = 20
_FANNED_OUT = 2
_FASTEST = b"\x78\x01"


class Walk:
    """Visits objects, each once however often it is reached.

    `shallow` are commits whose parents a partial clone left out on purpose.
    """

    def __init__(self, objects: Objects, shallow: frozenset[Oid]) -> None:
        self._objects = objects
        self._loose = frozenset(_loose(objects.folder))
        self.shallow = shallow
        self._seen: set[bytes] = set()

    def visit(self, start: Oid) -> Iterator[str]:
        """Read an object and all that it leads to; yield what is wrong with any of them."""
        waiting = [bytes.fromhex(start)]
        while waiting:
            key = waiting.pop()
            if key in self._seen:
                continue
            self._seen.add(key)
            oid = Oid(key.hex())
            try:
                read = read_strictly if oid in self._loose else Objects.read
                waiting += self._named(oid, *read(self._objects, oid))
            except NotFound:
                yield f"The git object {oid} is missing."
            except Damaged as error:
                yield str(error)
            except ValueError as error:
                yield f"The git object {oid} is malformed ({error})."

    def _named(self, oid: Oid, kind: str, content: bytes) -> Iterable[bytes]:
        """Return the objects that an object names and that were not seen yet, by their ids in binary."""
        if kind == "tree":
            return [named for named in named_by_tree(content) if named not in self._seen]
        if kind == "commit":
            commit = parse_commit(oid, content)
            parents = () if oid in self.shallow else commit.parents
            return map(bytes.fromhex, (commit.tree, *parents))
        if kind == "tag":
            return [bytes.fromhex(content.partition(b"\n")[0].partition(b" ")[2].decode("ascii", "replace"))]
        return ()


def _loose(objects: Path) -> Iterator[Oid]:
    for folder in objects.iterdir():
        if len(folder.name) == _FANNED_OUT:
            yield from (Oid(folder.name + name) for name in os.listdir(folder))


def read_strictly(objects: Objects, oid: Oid) -> tuple[str, bytes]:
    """Return an object's kind and content; of a loose one the file must be as it was written.

    A flipped bit may leave the content as it was (another way to say the same in the compressed stream). It is
    found by compressing again: a result that differs by one bit is no accident.
    """
    try:
        with open(objects.name_of(oid), "rb") as stream:
            compressed = stream.read()
    except FileNotFoundError:
        return objects.read(oid)
    except OSError as error:
        raise Damaged(f"The git object {oid} cannot be read ({error}).") from error
    kind, content = unpack_loose(oid, compressed)
    whole = b"%s %d\0%s" % (kind.encode(), len(content), content)
    again = zlib.compress(whole, 1 if compressed.startswith(_FASTEST) else -1)
    if again != compressed and _differ_by_one_bit(again, compressed):
        raise Damaged(
            f"A bit of the file that holds the git object {oid} was altered (its content is intact)."
        )
    return kind, content


def damaged_packs(objects: Path) -> Iterator[str]:
    """Yield the names of the pack files and their indexes that do not match their own checksum."""
    for path in sorted((objects / "pack").glob("pack-*")):
        if path.suffix in (".pack", ".idx") and not _is_sound(path):
            yield path.name


def shallow_commits(repository: Repository) -> frozenset[Oid]:
    """Return the commits whose parents a shallow clone left out."""
    try:
        lines = (repository.objects.folder.parent / "shallow").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return frozenset()
    return frozenset(map(Oid, lines))


def _is_sound(path: Path) -> bool:
    """Return whether a file ends with the SHA-1 of all that is before."""
    digest = hashlib.sha1(usedforsecurity=False)
    try:
        left = path.stat().st_size - _CHECKSUM_BYTES
        with path.open("rb") as stream:
            while left > 0 and (block := stream.read(min(_BLOCK, left))):
                digest.update(block)
                left -= len(block)
            return stream.read() == digest.digest()
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _differ_by_one_bit(one: bytes, other: bytes) -> bool:
    if len(one) != len(other):
        return False
    difference = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return difference.bit_count() == 1
