"""Record ids as people type them: the beginning of one is enough."""

import re
from collections.abc import Iterator

from trailmark.activity import RECORDS
from trailmark.errors import InvalidInput, NotFound
from trailmark.git import FOLDER, Oid, Repository

SHORT = 10
WHOLE = 26
_FOLDERS = ((0, 5), (5, 7), (7, 8), (0, WHOLE))
_SHOWN = 5


def short(record: str) -> str:
    """Return the beginning of an id, which is enough to name it."""
    return record[:SHORT]


def get_id(repository: Repository, typed: str) -> str:
    """Return the whole id that begins as typed. Raises InvalidInput, or NotFound when there is none."""
    beginning = typed.strip().upper()
    if not re.fullmatch(r"[0-9A-Z]{1,26}", beginning):
        raise InvalidInput(f"“{typed}” is not the id of a record. `trailmark log` shows the ids.")
    found = sorted(set(_iter_ids(repository, beginning)))
    if not found:
        raise NotFound(f"There is no record {typed} in this project. `trailmark log` lists them.")
    if len(found) > 1:
        listed = ", ".join(found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
        raise InvalidInput(f"{len(found)} records begin with {typed}: {listed}. Type more of the id.")
    return found[0]


def _iter_ids(repository: Repository, beginning: str) -> Iterator[str]:
    for tip in repository.refs(RECORDS).values():
        tree = repository.tree_of(tip)
        if tree is not None:
            yield from _iter_below(repository, tree, beginning, 0)


def _iter_below(repository: Repository, tree: Oid, beginning: str, depth: int) -> Iterator[str]:
    """Yield the ids below a folder of records, entering only folders that can hold a match."""
    first, last = _FOLDERS[depth]
    wanted = beginning[first:last]
    for name, entry in repository.children(tree).items():
        if entry.mode != FOLDER or not name.startswith(wanted):
            continue
        if depth == len(_FOLDERS) - 1:
            yield name
        else:
            yield from _iter_below(repository, entry.oid, beginning, depth + 1)
