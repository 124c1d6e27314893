"""Where a file came from: which action wrote it, from which files, and which wrote those."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trailmark.activity.index import Index, Row
from trailmark.activity.model import FileRef

_DEPTH = 50


@dataclass(frozen=True)
class Origin:
    """An action that wrote a file, and the files that it read."""

    path: str
    writer: Row
    inputs: tuple[FileRef, ...]


def find_origin(
    index: Index, path: str, digest: str | None = None, *, before: str | None = None
) -> Origin | None:
    """Return the newest action that wrote a file with that content (None: any); None when none did."""
    writer = index.find_writer(path, digest, before=before)
    return None if writer is None else Origin(path, writer, writer.reads)


def iter_ancestry(index: Index, path: str, digest: str | None = None) -> Iterator[Origin]:
    """Yield the actions that led to a file, the one that wrote it first; each once.

    A file that an action read came from the newest action before it that wrote that content.
    """
    waiting: list[tuple[str, str | None, str | None, int]] = [(path, digest, None, 0)]
    seen: set[str] = set()
    while waiting:
        wanted, content, before, depth = waiting.pop(0)
        origin = find_origin(index, wanted, content, before=before)
        if origin is None or origin.writer.id in seen:
            continue
        seen.add(origin.writer.id)
        yield origin
        if depth < _DEPTH:
            inputs = (file for file in origin.inputs if not file.external)
            waiting += [(file.path, file.digest, origin.writer.id, depth + 1) for file in inputs]


def find_uses(index: Index, path: str, digest: str | None = None, *, limit: int = 50) -> list[Row]:
    """Return the actions that read a file with that content (None: any), newest first."""
    return index.readers(path, digest, limit=limit)
