"""A folder or a file as the page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trailmark.pages.links import Links
from trailmark.projects.files import FileRow

_ICONS = {
    **dict.fromkeys(("png", "jpg", "jpeg", "gif", "svg", "webp", "tif", "tiff"), "image"),
    **dict.fromkeys(("csv", "tsv", "parquet", "feather", "xlsx", "h5", "hdf5", "sqlite", "db"), "dataset"),
    **dict.fromkeys(("py", "r", "jl", "sh", "sql", "js", "c", "cpp", "toml", "json", "yml", "yaml"), "cell"),
    **dict.fromkeys(("ipynb",), "notebook"),
}
_KEEPER = ".gitkeep"


@dataclass(frozen=True)
class Line:
    """One name in a folder. `href` is None for what cannot be shown; `note` says what is special about it."""

    name: str
    path: str
    is_folder: bool
    icon: str
    href: str | None
    raw: str | None
    bytes: int | None
    changed: float | None
    note: str | None = None


@dataclass(frozen=True)
class Place:
    """Where the page is: the way there, and how the moment is called when it is not now."""

    path: str
    crumbs: tuple[tuple[str, str], ...]
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


def build_lines(rows: Sequence[FileRow], links: Links, *, at: str | None, limit: int) -> tuple[Line, ...]:
    """Return the names of a folder in the order given; `limit` is how large a file git may hold."""
    return tuple(_line(row, links, at, limit) for row in rows if row.name != _KEEPER)


def _line(row: FileRow, links: Links, at: str | None, limit: int) -> Line:
    is_file = not row.is_folder and row.link is None
    return Line(
        name=row.name,
        path=row.path,
        is_folder=row.is_folder,
        icon=_icon(row),
        href=links.files(row.path, at=at) if is_file or row.is_folder else None,
        raw=links.raw(row.path, at=at, download=True) if is_file else None,
        bytes=row.bytes,
        changed=row.modified,
        note=_note(row, limit),
    )


def _icon(row: FileRow) -> str:
    if row.is_folder:
        return "folder"
    if row.link is not None:
        return "link"
    return _ICONS.get(row.name.rpartition(".")[2].lower(), "files")


def _note(row: FileRow, limit: int) -> str | None:
    if row.link is not None:
        return f"leads to {row.link}"
    if row.held or row.is_folder:
        return None
    if row.ignored:
        return "ignored by git"
    if (row.bytes or 0) > limit:
        return "too large for git"
    return "not in the trail yet"
