"""A folder or a file as the page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trailmark.pages.links import Links
from trailmark.web.files.source import Item

_ICONS = {
    **dict.fromkeys(("png", "jpg", "jpeg", "gif", "svg", "webp", "tif", "tiff"), "image"),
    **dict.fromkeys(("csv", "tsv", "parquet", "feather", "xlsx", "h5", "hdf5", "sqlite", "db"), "dataset"),
    **dict.fromkeys(("py", "r", "jl", "sh", "sql", "js", "c", "cpp", "toml", "json", "yml", "yaml"), "cell"),
    **dict.fromkeys(("ipynb",), "notebook"),
}


@dataclass(frozen=True)
class Line:
    """One name in a folder. `note` says what is special about it."""

    name: str
    path: str
    kind: str
    icon: str
    href: str | None
    raw: str | None
    bytes: int | None
    changed: float | None
    note: str | None = None


@dataclass(frozen=True)
class Place:
    """Where the page is: the way there, and how it is called when it is not now."""

    path: str
    crumbs: tuple[tuple[str, str | None], ...]
    at: str | None
    at_words: str | None
    now: str

    @property
    def name(self) -> str:
        """The last name of the path."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The path with a slash behind it, as the beginning of the paths below."""
        return f"{self.path}/" if self.path else ""


def build_place(project: str, path: str, links: Links, *, at: str | None, at_words: str | None) -> Place:
    """Return where a page of files is."""
    parts = path.split("/") if path else []
    crumbs = [(project, links.files(at=at))]
    crumbs += [(part, links.files("/".join(parts[: n + 1]), at=at)) for n, part in enumerate(parts)]
    return Place(path, tuple(crumbs), at, at_words, links.files(path))


def build_lines(
    items: Sequence[Item], links: Links, *, at: str | None = None, max_bytes: int | None = None
) -> tuple[Line, ...]:
    """Return the names of a folder: folders first, then by name. What git does not hold is said so."""
    ordered = sorted(items, key=lambda item: (item.kind != "folder", item.name.lower(), item.name))
    return tuple(_line(item, links, at, max_bytes) for item in ordered if item.name != ".gitkeep")


def _line(item: Item, links: Links, at: str | None, max_bytes: int | None) -> Line:
    readable = item.kind in ("folder", "file")
    return Line(
        name=item.name,
        path=item.path,
        kind=item.kind,
        icon=_icon(item),
        href=links.files(item.path, at=at) if readable else None,
        raw=links.raw(item.path, at=at, download=True) if item.kind == "file" else None,
        bytes=item.bytes,
        changed=item.changed,
        note=_note(item, max_bytes),
    )


def _icon(item: Item) -> str:
    if item.kind == "folder":
        return "folder"
    if item.kind == "link":
        return "link"
    return _ICONS.get(item.name.rpartition(".")[2].lower(), "files")


def _note(item: Item, max_bytes: int | None) -> str | None:
    if item.kind == "link":
        return "a link, not followed"
    if item.kind == "other":
        return "not an ordinary file"
    if max_bytes is not None and item.bytes is not None and item.bytes > max_bytes:
        return "too large for git: not in the trail"
    return None
