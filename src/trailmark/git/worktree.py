"""The work tree against a commit: what was put, changed or removed, and what git should not hold.

Nothing of the tree's ever runs: no hook, filter or file-system monitor, however the tree is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from trailmark.git import present, published, stat_index
from trailmark.git.model import EXECUTABLE, FILE, FOLDER, LINK, SUBMODULE, Entry, Oid
from trailmark.git.present import Found, HeldBack, Seen
from trailmark.git.repository import Repository

FILE_MODES = frozenset({FILE, EXECUTABLE, LINK})
Canonical = Callable[[str, bytes], bytes]
"""From a path and what it holds to what git shall hold."""


@dataclass(frozen=True)
class Difference:
    """How the work tree differs from a commit. Ignored files count as not there unless git holds them.

    `put` are files that are new or changed, `removed` those that git should hold no more (gone, or held back
    now), and `held_back` those that are there and that git should not hold, changed or not.
    """

    put: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    held_back: tuple[HeldBack, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the tree is what the commit says."""
        return not self.put and not self.removed


def as_is(_path: str, data: bytes) -> bytes:
    """Return the bytes unchanged: the usual canonical form."""
    return data


def scan(repository: Repository, *, max_bytes: int, canonical: Canonical = as_is) -> Difference:
    """Compare the whole work tree with HEAD."""
    tree = repository.tree_of(repository.head())
    with stat_index.opened(repository) as index:
        paths = index.differing(tree)
    return _judged(repository, tree, paths, max_bytes, canonical)


def examine(
    repository: Repository, paths: Iterable[str], *, max_bytes: int, canonical: Canonical = as_is
) -> Difference:
    """Compare some paths with HEAD; of a folder, everything in it."""
    tree = repository.tree_of(repository.head())
    wanted = sorted({path for path in paths if present.is_plain_path(path)})
    if any(_is_folder(repository, tree, path) for path in wanted):
        whole = scan(repository, max_bytes=max_bytes, canonical=canonical)
        return _within(whole, wanted)
    known = [path for path in wanted if _is_candidate(repository, tree, path)]
    return _judged(repository, tree, known, max_bytes, canonical)


def read_file(repository: Repository, path: str, *, tree: Oid | None, max_bytes: int) -> Found | None:
    """Return a file of the work tree with its mode; None when there is none, or none that git should hold.

    What git holds already is what is in `tree`.
    """
    found = present.read(repository.path, path, max_bytes=max_bytes)
    if not isinstance(found, Found):
        return None
    return found if _is_candidate(repository, tree, path) else None


def is_ignored(repository: Repository, path: str) -> bool:
    """Return whether git ignores a path (a folder's ends with a slash) that it does not hold."""
    return bool(repository.raw.path_is_ignored(path))


def sync_index(repository: Repository) -> bool:
    """Bring git's own index to HEAD, so that `git status` is clean; the work tree is left as it is.

    What a person has staged stays staged. Returns False, and changes nothing, while a person's own git command or
    merge is under way.
    """
    if repository.is_in_operation():
        return False
    with stat_index.opened(repository) as index:
        commit = repository.head()
        index.bring_to(repository.tree_of(commit))
        return index.publish(commit)


def is_index_behind(repository: Repository) -> bool:
    """Return whether commits were made since git's own index was brought to HEAD."""
    return published.is_behind(repository.git_folder / stat_index.FOLDER_NAME, repository.head())


def _judged(
    repository: Repository,
    tree: Oid | None,
    paths: Iterable[str | bytes],
    max_bytes: int,
    canonical: Canonical,
) -> Difference:
    put, removed, held_back = [], [], []
    for path in paths:
        match _verdict(repository, tree, path, max_bytes, canonical):
            case HeldBack() as held:
                held_back.append(held)
                if _is_held(repository, tree, held.path) and held.reason != "unreadable":
                    removed.append(held.path)
            case "put":
                put.append(str(path))
            case "removed":
                removed.append(str(path))
    return Difference(tuple(put), tuple(removed), tuple(held_back))


def _verdict(
    repository: Repository, tree: Oid | None, path: str | bytes, max_bytes: int, canonical: Canonical
) -> HeldBack | str | None:
    if isinstance(path, bytes):
        return HeldBack(path.decode("utf-8", "backslashreplace"), 0, "name")
    if present.is_temporary(path):
        return None
    if path.endswith("/"):
        return _nested(repository, tree, path.rstrip("/"))
    entry = _file_entry(repository, tree, path)
    if entry is not None and entry.mode == SUBMODULE:
        return None
    if entry is None:
        seen = present.glance(repository.path, path, max_bytes=max_bytes)
        return "put" if isinstance(seen, Seen) else seen if isinstance(seen, HeldBack) else None
    found = present.read(repository.path, path, max_bytes=max_bytes)
    if isinstance(found, HeldBack):
        return found
    if not isinstance(found, Found):
        return "removed"
    is_same = found.mode == entry.mode and present.blob_id(canonical(path, found.data)) == entry.oid
    return None if is_same else "put"


def _nested(repository: Repository, tree: Oid | None, path: str) -> HeldBack | None:
    entry = repository.find_entry(tree, path)
    return HeldBack(path, 0, "repository") if entry is None or entry.mode != SUBMODULE else None


def _file_entry(repository: Repository, tree: Oid | None, path: str) -> Entry | None:
    entry = repository.find_entry(tree, path)
    return None if entry is None or entry.mode == FOLDER else entry


def _is_held(repository: Repository, tree: Oid | None, path: str) -> bool:
    return present.is_plain_path(path) and _file_entry(repository, tree, path) is not None


def _is_folder(repository: Repository, tree: Oid | None, path: str) -> bool:
    entry = repository.find_entry(tree, path)
    if entry is not None and entry.mode == FOLDER:
        return True
    is_folder = isinstance(present.glance(repository.path, path), present.Folder)
    return is_folder and not is_ignored(repository, f"{path}/")


def _is_candidate(repository: Repository, tree: Oid | None, path: str) -> bool:
    """Return whether git holds the file, or would if it were added: neither ignored nor of another repository."""
    if _file_entry(repository, tree, path) is not None:
        return True
    return not is_ignored(repository, path) and not present.is_in_nested_repository(repository.path, path)


def _within(difference: Difference, paths: Iterable[str]) -> Difference:
    wanted = frozenset(paths)

    def is_wanted(path: str) -> bool:
        return present.is_within(path, wanted)

    return replace(
        difference,
        put=tuple(filter(is_wanted, difference.put)),
        removed=tuple(filter(is_wanted, difference.removed)),
        held_back=tuple(held for held in difference.held_back if is_wanted(held.path)),
    )
