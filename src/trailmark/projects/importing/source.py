"""What a person asks to be imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from trailmark.errors import InvalidInput, NotFound
from trailmark.git.address import Address, looks_like_address, parse_address
from trailmark.projects.archive import is_archive
from trailmark.settings import Settings


@dataclass(frozen=True)
class Remote:
    """A repository at an address."""

    address: Address


@dataclass(frozen=True)
class Folder:
    """A folder of this machine. `has_history`: it is a git repository; `has_files`: it is more than that."""

    path: Path
    has_history: bool
    has_files: bool


@dataclass(frozen=True)
class Archive:
    """A file that Trailmark exported."""

    path: Path


Source = Remote | Folder | Archive


def parse_source(text: str, here: Path, settings: Settings) -> Source:
    """Tell what a person means: a folder or file (from `here` on), or an address. Raises NotFound, InvalidInput."""
    text = _without_file_scheme(text.strip())
    path = _path(text, here)
    if path is not None and path.is_dir():
        return _folder(path, settings)
    if path is not None and path.exists():
        if is_archive(path):
            return Archive(path)
        raise InvalidInput(f"{path} is no file that Trailmark exported. Unpack it, and import the folder.")
    if looks_like_address(text):
        return Remote(parse_address(text))
    raise NotFound(f"There is no folder or file “{text}”, and it is no address of a git repository either.")


def name_of(source: Source) -> str:
    """Return what the source is called where it is."""
    match source:
        case Remote():
            return source.address.name
        case Archive():
            return source.path.stem
        case Folder():
            return source.path.name.removesuffix(".git")


def shown(source: Source) -> str:
    """Return the source as a record names it: an address, or a name without this machine's folders."""
    match source:
        case Remote():
            return source.address.url
        case Archive():
            return f"the exported file {source.path.name}"
        case Folder():
            return f"the folder {source.path.name}"


def _without_file_scheme(text: str) -> str:
    """Return `file:///srv/a%20b.git`, git's other way to write a folder of this machine, as that folder."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    is_here = parts.scheme == "file" and parts.netloc in ("", "localhost")
    return unquote(parts.path) if is_here and parts.path.startswith("/") else text


def _path(text: str, here: Path) -> Path | None:
    if not text or "\0" in text or "://" in text:
        return None
    try:
        return (here / Path(text).expanduser()).absolute()
    except RuntimeError:
        return None


def _folder(path: Path, settings: Settings) -> Folder:
    path = path.resolve()
    for kept in (settings.home.resolve(), settings.projects.resolve()):
        if kept.is_relative_to(path):
            raise InvalidInput(f"{path} holds Trailmark's own files ({kept}); choose a folder within it.")
    if (path / ".git").exists():
        return Folder(path, has_history=True, has_files=True)
    is_bare = (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()
    return Folder(path, has_history=is_bare, has_files=not is_bare)
