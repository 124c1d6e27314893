"""An ordinary git repository through libgit2: no hook, no filter and no program of the tree's ever runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pygit2

from trailmark.errors import Damaged, NotFound
from trailmark.git.durable import sync_files
from trailmark.git.model import FOLDER, Commit, Entry, Oid, Signature, TreeChange
from trailmark.git.names import check_ref_name
from trailmark.git.objects import Objects, parse_commit, parse_tree
from trailmark.git.refs import RefFiles, RefMove, RefMoved

BRANCHES = "refs/heads/"
_LOGGED = ("HEAD", "refs/heads/", "refs/remotes/", "refs/notes/")

__all__ = ["BRANCHES", "RefMove", "RefMoved", "Repository"]


class Repository:
    """Objects and refs of one repository. Not shared between threads: open one per thread."""

    def __init__(self, raw: pygit2.Repository) -> None:
        self.raw = raw
        self.git_folder = Path(raw.path)
        self.path = Path(raw.workdir) if raw.workdir else self.git_folder
        shared = _shared_folder(self.git_folder)
        self.objects = Objects(shared / "objects", raw.odb)
        self._refs = RefFiles(self.git_folder, shared, self.find_ref, lambda: raw.references, self._is_logged)
        self._unsynced: dict[Oid, None] = {}

    @classmethod
    def open(cls, path: Path) -> Repository:
        """Open the repository whose work tree is exactly `path`. Raises NotFound when there is none."""
        try:
            return cls(pygit2.Repository(str(path), pygit2.enums.RepositoryOpenFlag.NO_SEARCH))
        except pygit2.GitError as error:
            raise NotFound(f"{path} is no git repository ({error}).") from error

    @classmethod
    def init(cls, path: Path, *, bare: bool = False) -> Repository:
        """Make an empty repository whose first branch will be `main`."""
        return cls(pygit2.init_repository(str(path), bare=bare, initial_head="main"))

    # -- refs ---------------------------------------------------------------------------------------------

    def head_ref(self) -> str:
        """Return the name of the ref that HEAD stands for: a branch, or HEAD itself when it is detached."""
        target = self.raw.lookup_reference("HEAD").raw_target
        return target.decode() if isinstance(target, bytes) else "HEAD"

    def branch(self) -> str | None:
        """Return the name of the current branch, None when HEAD is detached."""
        ref = self.head_ref()
        return ref.removeprefix(BRANCHES) if ref.startswith(BRANCHES) else None

    def head(self) -> Oid | None:
        """Return the commit that the work tree is based on, None before the first one."""
        return self.find_ref(self.head_ref())

    def find_ref(self, name: str) -> Oid | None:
        """Return the object that a ref names, None when there is no such ref."""
        try:
            return Oid(str(self.raw.lookup_reference(name).target))
        except (KeyError, pygit2.InvalidSpecError):
            return None

    def update_ref(self, name: str, new: Oid, *, expected: Oid | None, reason: str) -> None:
        """Move a ref from `expected` (None: it must not exist) to `new`, durably. Raises RefMoved or Busy."""
        self.update_refs([RefMove(name, expected, new, reason)])

    def update_refs(self, moves: Sequence[RefMove], *, head: str | None = None, lasting: bool = True) -> None:
        """Move refs in this order, after all that was written through this object is on disk.

        A power cut takes moves that are not `lasting` back, in the order opposite to theirs, until `sync_refs`.
        Raises RefMoved when one is not where it should be or HEAD does not stand for `head` (None: for whatever it
        does), and Busy when another program keeps one locked; then nothing was changed. A kill in between may
        leave the first ones moved.
        """
        for move in moves:
            if move.name != "HEAD":
                check_ref_name(move.name)
        also_sync = map(self.objects.name_of, self._unsynced)
        expected = head or self.head_ref()
        self._refs.move(
            moves,
            also_sync=also_sync,
            head=expected,
            is_head=lambda: self.head_ref() == expected,
            lasting=lasting,
        )
        self._unsynced.clear()

    def release_stale_locks(self, names: Iterable[str] | None = None) -> None:
        """Remove the locks on refs (None: all) that a dead process of ours left.

        The caller holds the project's lock: then no living process of ours has one.
        """
        if names is None:
            self._refs.release_all_stale()
        else:
            self._refs.release_stale(names)

    def was_at(self, name: str, oid: Oid) -> bool:
        """Return whether a ref stood at an object at any time that its log remembers."""
        try:
            log = self.raw.lookup_reference(name).log()
        except (KeyError, pygit2.InvalidSpecError):
            return False
        return any(str(entry.oid_new) == oid for entry in log)

    def delete_ref(self, name: str) -> None:
        """Remove a ref; one that is not there is no error."""
        try:
            self.raw.references.delete(name)
        except KeyError:
            return

    def refs(self, prefix: str) -> dict[str, Oid]:
        """Return the refs below a folder of refs (`refs/heads/`) and what they name, sorted by name."""
        found = ((name, self._resolved(name)) for name in self._refs.names_below(prefix))
        return {name: oid for name, oid in found if oid is not None}

    def _resolved(self, name: str) -> Oid | None:
        try:
            return Oid(str(self.raw.lookup_reference(name).resolve().target))
        except (KeyError, ValueError, pygit2.GitError):
            return None

    def set_head(self, branch: str) -> None:
        """Make `branch` the current one; the work tree is left as it is."""
        self.raw.set_head(check_ref_name(BRANCHES + branch))

    def is_in_operation(self) -> bool:
        """Return whether a person's own merge, rebase or the like is under way."""
        return self.raw.state() != 0

    # -- writing objects ----------------------------------------------------------------------------------

    def write_blob(self, data: bytes) -> Oid:
        """Store bytes as they are."""
        return self._written(self.raw.create_blob(data))

    def write_tree(self, base: Oid | None, changes: Mapping[str, Entry | None]) -> Oid:
        """Return the tree `base` with files put, or removed where the entry is None. Empty folders vanish."""
        oid = self._edit(base, _nested(changes))
        return oid if oid is not None else self._written(self.raw.TreeBuilder().write())

    def write_commit(self, tree: Oid, parents: list[Oid], message: str, author: Signature) -> Oid:
        """Store a commit; no ref is moved."""
        who = pygit2.Signature(_clean(author.name), _clean(author.email), int(author.time), 0, "utf-8")
        return self._written(
            self.raw.create_commit(None, who, who, message, cast("Any", tree), cast("Any", parents))
        )

    def flush(self) -> None:
        """Return once everything written through this object is on disk."""
        if not self._unsynced:
            return
        newest = self.objects.folder / f"tmp_obj_{os.getpid()}"
        newest.write_bytes(b"")
        try:
            sync_files([*map(self.objects.name_of, self._unsynced), newest])
        finally:
            newest.unlink(missing_ok=True)
        self._unsynced.clear()

    def sync_refs(self) -> None:
        """Return once every ref is on disk."""
        self.flush()
        self._refs.sync()

    def _written(self, oid: pygit2.Oid) -> Oid:
        written = Oid(str(oid))
        self._unsynced[written] = None
        return written

    def _edit(self, base: Oid | None, changes: _Folder) -> Oid | None:
        builder = self.raw.TreeBuilder(self._tree(base)) if base else self.raw.TreeBuilder()
        for name, change in changes.items():
            present = builder.get(name)
            if isinstance(change, _Folder):
                is_kept = present is not None and present.filemode == FOLDER and not change.fresh
                below = Oid(str(present.id)) if present is not None and is_kept else None
                edited = self._edit(below, change)
                change = Entry(edited, FOLDER) if edited is not None else None
                if change is None and not is_kept:
                    continue
            if change is not None:
                builder.insert(name, pygit2.Oid(hex=change.oid), cast("Any", change.mode))
            elif present is not None:
                builder.remove(name)
        return self._written(builder.write()) if len(builder) else None

    # -- reading objects ----------------------------------------------------------------------------------

    def commit(self, oid: Oid) -> Commit:
        """Return a commit's facts. Raises NotFound."""
        return parse_commit(oid, self.objects.read_as(oid, "commit"))

    def tree_of(self, commit: Oid | None) -> Oid | None:
        """Return the tree of a commit, None for None."""
        return None if commit is None else self.commit(commit).tree

    def blob(self, oid: Oid) -> bytes:
        """Return a blob's bytes. Raises NotFound."""
        return self.objects.read_as(oid, "blob")

    def blob_size(self, oid: Oid) -> int:
        """Return the length of a blob in bytes. Raises NotFound."""
        return self.objects.size(oid)

    def has(self, oid: Oid) -> bool:
        """Return whether the object is in the repository."""
        return pygit2.Oid(hex=oid) in self.raw

    def find_entry(self, tree: Oid | None, path: str) -> Entry | None:
        """Return the file or folder at a path of a tree, None when there is none."""
        found = None if tree is None else Entry(tree, FOLDER)
        for name in path.split("/"):
            if found is None or found.mode != FOLDER:
                return None
            folder = self._tree(found.oid)
            if name not in folder:
                return None
            item = folder[name]
            found = Entry(Oid(str(item.id)), item.filemode)
        return found

    def children(self, tree: Oid) -> dict[str, Entry]:
        """Return the names directly in a tree."""
        return dict(parse_tree(self.objects.read_as(tree, "tree")))

    def iter_files(self, tree: Oid | None, below: str = "") -> Iterator[tuple[str, Entry]]:
        """Yield every file of a tree with its path, in git's order."""
        if tree is None:
            return
        for name, entry in self.children(tree).items():
            path = f"{below}{name}"
            if entry.mode == FOLDER:
                yield from self.iter_files(entry.oid, f"{path}/")
            else:
                yield path, entry

    def diff(self, old: Oid | None, new: Oid | None) -> list[TreeChange]:
        """Return the files that differ between two trees, by path; equal subtrees are not visited."""
        return sorted(self._diff(old, new, ""), key=lambda change: change.path)

    def iter_commits(self, start: Oid, stop: Callable[[Oid], bool] | None = None) -> Iterator[Commit]:
        """Yield commits along first parents, newest first, until `stop` says so of one (not yielded)."""
        following: Oid | None = start
        while following is not None and not (stop is not None and stop(following)):
            commit = self.commit(following)
            yield commit
            following = commit.parents[0] if commit.parents else None

    def is_ancestor(self, old: Oid, new: Oid) -> bool:
        """Return whether `old` is `new` or one of the commits before it."""
        return old == new or self.raw.descendant_of(pygit2.Oid(hex=new), pygit2.Oid(hex=old))

    def ahead_behind(self, one: Oid, other: Oid) -> tuple[int, int]:
        """Return how many commits `one` has that `other` lacks, and the other way round."""
        ahead, behind = self.raw.ahead_behind(pygit2.Oid(hex=one), pygit2.Oid(hex=other))
        return int(ahead), int(behind)

    def _diff(self, old: Oid | None, new: Oid | None, below: str) -> Iterator[TreeChange]:
        if old == new:
            return
        before = self.children(old) if old else {}
        after = self.children(new) if new else {}
        for name in before.keys() | after.keys():
            a, b = before.get(name), after.get(name)
            if a == b:
                continue
            path = f"{below}{name}"
            folder_a, file_a = _split(a)
            folder_b, file_b = _split(b)
            yield from self._diff(folder_a, folder_b, f"{path}/")
            if file_a != file_b:
                yield TreeChange(path, file_a, file_b)

    def _tree(self, oid: Oid) -> pygit2.Tree:
        """Return a tree as libgit2 sees it, after reading it once to be sure that libgit2 can."""
        self.objects.check_loose(oid)
        try:
            found = self.raw.get(oid)
        except ValueError as error:
            raise NotFound(f"“{oid}” is no object id.") from error
        except pygit2.GitError as error:
            raise Damaged(f"The folder {oid} cannot be read from git ({error}).") from error
        if not isinstance(found, pygit2.Tree):
            raise NotFound(f"There is no folder {oid} in this repository.")
        return found

    def _is_logged(self, name: str) -> bool:
        """Return whether git would start a log of a ref's moves."""
        try:
            chosen = str(self.raw.config["core.logallrefupdates"]).lower()
        except KeyError:
            return not self.raw.is_bare and name.startswith(_LOGGED)
        if chosen == "always":
            return True
        return chosen in ("true", "yes", "on", "1") and name.startswith(_LOGGED)


def _shared_folder(git_folder: Path) -> Path:
    """Return the folder with the objects and refs that all work trees of a repository share."""
    try:
        return (git_folder / (git_folder / "commondir").read_text(encoding="utf-8").strip()).resolve()
    except FileNotFoundError:
        return git_folder


def _split(entry: Entry | None) -> tuple[Oid | None, Entry | None]:
    if entry is None:
        return None, None
    return (entry.oid, None) if entry.mode == FOLDER else (None, entry)


class _Folder(dict[str, Any]):
    """What becomes of a folder, name by name. A `fresh` one does not keep what is there."""

    fresh = False


def _nested(changes: Mapping[str, Entry | None]) -> _Folder:
    """Turn paths into a tree of folders: first what is removed, then what is put; the later of two wins."""
    root = _Folder()
    for path in (path for path, entry in changes.items() if entry is None):
        level, name = _descend(root, path, through=False)
        if level is not None:
            level[name] = None
    for path, entry in changes.items():
        if entry is not None:
            level, name = _descend(root, path, through=True)
            level[name] = entry
    return root


def _descend(root: _Folder, path: str, *, through: bool) -> tuple[Any, str]:
    """Return the folder that a path lies in. `through` a removed file or a file; otherwise None there."""
    *folders, name = path.split("/")
    level = root
    for folder in folders:
        below = level.get(folder, level)
        if not isinstance(below, _Folder) or below is level:
            if folder in level and not through:
                return None, name
            below = _Folder()
            below.fresh = folder in level
            level[folder] = below
        level = below
    return level, name


def _clean(text: str) -> str:
    """Return a name or address that git can hold."""
    text = text.encode("utf-8", "replace").decode()
    return "".join(character for character in text if character not in "<>\n\r\0").strip() or "unknown"
