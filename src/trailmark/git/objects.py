"""Reading git's objects so that what is returned is what was stored: every byte is checked against its hash.

Loose objects are read here and not by libgit2, which (1.9) never returns from some that are damaged.
"""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from pathlib import Path

import pygit2

from trailmark.errors import Damaged, NotFound
from trailmark.git.model import SUBMODULE, Commit, Entry, Oid

_KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
_TREE_ITEM = re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)
_HEADER_BYTES = 64
# Before its first letter, a compressed file describes its alphabet, in 600 bytes at the most.
_FIRST_BYTES = 4096
_HEX_DIGITS = 40
_READ_BYTES = 1 << 16


class Objects:
    """The objects of one repository. Looks first where it last found one: among the packs, or the loose."""

    def __init__(self, folder: Path, database: pygit2.Odb) -> None:
        self.folder = folder
        self._folder = str(folder)
        self._packs = pygit2.Odb()
        self._packs.add_backend(pygit2.OdbBackendPack(self._folder), 1)
        self._everywhere = database
        self._is_packed_first = False

    def read(self, oid: Oid) -> tuple[str, bytes]:
        """Return an object's kind (commit, tree, blob or tag) and content. Raises NotFound or Damaged."""
        if not _is_oid(oid):
            raise NotFound(f"“{oid}” is no object id.")
        if self._is_packed_first:
            return self._find_packed(oid) or self._find_loose(oid) or self._find_elsewhere(oid)
        return self._find_loose(oid) or self._find_packed(oid) or self._find_elsewhere(oid)

    def read_as(self, oid: Oid, kind: str) -> bytes:
        """Return the content of an object of one kind. Raises NotFound or Damaged."""
        found, content = self.read(oid)
        if found != kind:
            raise NotFound(f"{oid} is a {found} in this repository, not a {kind}.")
        return content

    def check_loose(self, oid: Oid) -> None:
        """Raise Damaged for a loose object that libgit2 should not be asked for; the others pass."""
        if _is_oid(oid):
            self._find_loose(oid)

    def size(self, oid: Oid) -> int:
        """Return the length of an object's content without reading it. Raises NotFound or Damaged."""
        try:
            with open(self.name_of(oid), "rb") as stream:
                start = zlib.decompressobj().decompress(stream.read(_FIRST_BYTES), _HEADER_BYTES)
            return int(start.partition(b"\0")[0].partition(b" ")[2])
        except FileNotFoundError:
            return self._packed_size(oid)
        except (OSError, ValueError, zlib.error) as error:
            raise damaged(oid, error) from error

    def path_of(self, oid: Oid) -> Path:
        """Return where the object lies as long as it is loose."""
        return Path(self.name_of(oid))

    def name_of(self, oid: Oid) -> str:
        """Return the name of the file that holds the object as long as it is loose."""
        return f"{self._folder}/{oid[:2]}/{oid[2:]}"

    def _find_loose(self, oid: Oid) -> tuple[str, bytes] | None:
        try:
            compressed = _read_file(self.name_of(oid))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise damaged(oid, error) from error
        self._is_packed_first = False
        return unpack_loose(oid, compressed)

    def _find_packed(self, oid: Oid) -> tuple[str, bytes] | None:
        try:
            number, content = self._packs.read(oid)
        except KeyError:
            return None
        except (ValueError, pygit2.GitError) as error:
            raise _translated(oid, error) from error
        self._is_packed_first = True
        return _KINDS[int(number)], content

    def _find_elsewhere(self, oid: Oid) -> tuple[str, bytes]:
        """Look into the repositories that this one borrows from."""
        try:
            number, content = self._everywhere.read(oid)
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise _translated(oid, error) from error
        return _KINDS[int(number)], content

    def _packed_size(self, oid: Oid) -> int:
        try:
            return int(self._everywhere.read_header(oid)[1])
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise _translated(oid, error) from error


def _read_file(name: str) -> bytes:
    """Return a file's bytes. Objects are small and many: a stream would ask for size and kind of each first."""
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(fd, _READ_BYTES)
        if len(data) < _READ_BYTES:
            return data
        with open(fd, "rb", closefd=False) as rest:
            return data + rest.read()
    finally:
        os.close(fd)


def _is_oid(oid: str) -> bool:
    return len(oid) == _HEX_DIGITS and oid.isalnum()


def _translated(oid: Oid, error: Exception) -> NotFound | Damaged:
    if isinstance(error, KeyError):
        return NotFound(f"There is no object {oid} in this repository.")
    if isinstance(error, ValueError):
        return NotFound(f"“{oid}” is no object id.")
    return damaged(oid, error)


def unpack_loose(oid: Oid, compressed: bytes) -> tuple[str, bytes]:
    """Return kind and content of a loose object from its file. Raises Damaged."""
    try:
        whole = zlib.decompress(compressed)
    except zlib.error as error:
        raise damaged(oid, error) from error
    if hashlib.sha1(whole, usedforsecurity=False).hexdigest() != oid:
        raise damaged(oid, "its content does not match its id")
    header, _, content = whole.partition(b"\0")
    return header.partition(b" ")[0].decode("ascii", "replace"), content


def damaged(oid: Oid, reason: object) -> Damaged:
    """Return the error for an object that cannot be trusted."""
    return Damaged(f"The git object {oid} is damaged ({reason}); `trailmark verify` says what it belongs to.")


def parse_tree(content: bytes) -> list[tuple[str, Entry]]:
    """Return the names directly in a tree, in git's order."""
    return [
        (name.decode("utf-8", "surrogateescape"), Entry(Oid(oid.hex()), int(mode, 8)))
        for mode, name, oid in _TREE_ITEM.findall(content)
    ]


def named_by_tree(content: bytes) -> list[bytes]:
    """Return the ids, in binary, of the objects that a tree names; other repositories' commits left out."""
    return [oid for mode, _, oid in _TREE_ITEM.findall(content) if int(mode, 8) != SUBMODULE]


def parse_commit(oid: Oid, content: bytes) -> Commit:
    """Return a commit's facts. Raises Damaged when it is none."""
    header, _, message = content.partition(b"\n\n")
    facts: dict[bytes, bytes] = {}
    parents = []
    for line in header.split(b"\n"):
        name, _, value = line.partition(b" ")
        if name == b"parent":
            parents.append(Oid(value.decode("ascii", "replace")))
        elif name:
            facts.setdefault(name, value)
    try:
        tree = Oid(facts[b"tree"].decode("ascii"))
        time = int(facts[b"committer"].rsplit(b" ", 2)[1])
    except (KeyError, ValueError, IndexError) as error:
        raise damaged(oid, "it is no whole commit") from error
    author = _text(facts.get(b"author", b""), facts).rsplit(" ", 2)[0]
    return Commit(oid, tree, tuple(parents), author, time, _text(message, facts))


def _text(data: bytes, facts: dict[bytes, bytes]) -> str:
    encoding = facts.get(b"encoding", b"utf-8").decode("ascii", "replace")
    try:
        return data.decode(encoding, "replace")
    except LookupError:
        return data.decode("utf-8", "replace")
