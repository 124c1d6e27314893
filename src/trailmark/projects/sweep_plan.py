"""From what differs in the work tree to what a person would say happened. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_LONG = 44
_MOST_CLAUSES = 3


@dataclass(frozen=True)
class Content:
    """What a file holds: its id in git, its size, and for a notebook a digest of its cells' sources."""

    oid: str
    bytes: int
    likeness: str | None = None


@dataclass(frozen=True)
class Rename:
    """One file that has another name now."""

    old: str
    new: str


@dataclass(frozen=True)
class Differences:
    """What differs, path by path. `noticed` maps files that git does not hold to what to say of them."""

    added: Mapping[str, Content]
    saved: Sequence[str]
    deleted: Mapping[str, Content]
    noticed: Mapping[str, str]


def find_renames(added: Mapping[str, Content], deleted: Mapping[str, Content]) -> tuple[Rename, ...]:
    """Pair files that vanished with files that appeared and hold the same, or are the same notebook."""
    left = dict(added)
    renames: list[Rename] = []
    for same in (_is_equal, _is_alike):
        for old in sorted(deleted.keys() - {rename.old for rename in renames}):
            new = _best(old, [path for path in left if same(deleted[old], left[path])])
            if new is not None:
                renames.append(Rename(old, new))
                del left[new]
    return tuple(sorted(renames, key=lambda rename: rename.new))


def title(differences: Differences, renames: Sequence[Rename]) -> str:
    """Return one line that says what happened."""
    added = sorted(differences.added.keys() - {rename.new for rename in renames})
    deleted = sorted(differences.deleted.keys() - {rename.old for rename in renames})
    clauses = [
        _renamed(renames),
        _clause("added", added, "to"),
        _clause("saved", sorted(differences.saved), "in"),
        _clause("deleted", deleted, "from"),
        _noticed(differences.noticed),
    ]
    said = [clause for clause in clauses if clause]
    if len(said) > _MOST_CLAUSES:
        count = len(renames) + len(added) + len(differences.saved) + len(deleted) + len(differences.noticed)
        said = [f"changed {count} files"]
    line = said[0] if len(said) == 1 else ", ".join(said[:-1]) + f" and {said[-1]}"
    return line[0].upper() + line[1:]


def _is_equal(old: Content, new: Content) -> bool:
    return old.oid == new.oid and old.bytes > 0


def _is_alike(old: Content, new: Content) -> bool:
    return old.likeness is not None and old.likeness == new.likeness


def _best(old: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that keeps the name, or else the folder; the first of several."""
    return min(
        candidates,
        key=lambda new: (_name(new) != _name(old), _folder(new) != _folder(old), new),
        default=None,
    )


def _renamed(renames: Sequence[Rename]) -> str:
    if not renames:
        return ""
    if len(renames) == 1:
        old, new = renames[0].old, renames[0].new
        if _name(old) == _name(new):
            return f"moved {old} to {_folder(new) or 'the top folder'}"
        return f"renamed {old} to {new}"
    folders = {_swapped(rename) for rename in renames}
    if len(folders) == 1:
        old, new = folders.pop()
        if old and new:
            return f"renamed the folder {old} to {new}"
    targets = {_folder(rename.new) for rename in renames}
    if all(_name(rename.old) == _name(rename.new) for rename in renames) and len(targets) == 1:
        return f"moved {len(renames)} files to {targets.pop() or 'the top folder'}"
    return f"renamed {len(renames)} files"


def _swapped(rename: Rename) -> tuple[str, str]:
    """Return the two folders that differ, without what the paths have in common at their ends."""
    old, new = rename.old.split("/"), rename.new.split("/")
    while old and new and old[-1] == new[-1]:
        old.pop()
        new.pop()
    return "/".join(old), "/".join(new)


def _clause(verb: str, paths: Sequence[str], preposition: str) -> str:
    if not paths:
        return ""
    if len(paths) == 1:
        return f"{verb} {paths[0]}"
    if len(paths) == 2 and len(paths[0]) + len(paths[1]) <= _LONG:
        return f"{verb} {paths[0]} and {paths[1]}"
    folder = _common_folder(paths)
    return f"{verb} {len(paths)} files" + (f" {preposition} {folder}" if folder else "")


def _noticed(noticed: Mapping[str, str]) -> str:
    if not noticed:
        return ""
    if len(noticed) == 1:
        path, what = next(iter(noticed.items()))
        return f"noticed {path} ({what})"
    return f"noticed {len(noticed)} files that git does not hold"


def _common_folder(paths: Sequence[str]) -> str:
    first, last = min(paths).split("/")[:-1], max(paths).split("/")[:-1]
    depth = 0
    while depth < min(len(first), len(last)) and first[depth] == last[depth]:
        depth += 1
    return "".join(f"{part}/" for part in first[:depth])


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _folder(path: str) -> str:
    return path[: len(path) - len(_name(path))]
