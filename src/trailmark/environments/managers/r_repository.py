"""A CRAN-like repository, at an address or in a folder: its index, and the files of older versions."""

import gzip
import hashlib
import io
import re
import tarfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from trailmark.durable import write_file
from trailmark.environments.address import require_no_secret, split_address
from trailmark.environments.managers.dcf import read_paragraphs
from trailmark.environments.managers.model import go_on
from trailmark.environments.managers.r_lock import MD5, Package
from trailmark.environments.managers.r_packages import NAME, VERSION
from trailmark.errors import InvalidInput, Unavailable
from trailmark.progress import Progress

_FRESH_SECONDS = 3600.0
WHERE_NAMED = (
    "A repository is named for this environment by “channels” under [environment.r] in trailmark.toml, and for all "
    "by “r_repositories” in the settings. Nothing was changed."
)
_PLACE = "{snapshot}"
_NOW = "latest"
_DAY = r"(?<=/)\d{4}-\d{2}-\d{2}(?=/|\Z)"
_SNAPSHOT = re.compile(rf"/(?:\d{{4}}-\d{{2}}-\d{{2}}|{_NOW})(?P<end>/?)\Z")
_LINK = re.compile(r'href="([A-Za-z0-9.]+_[0-9.-]+\.tar\.gz)"')
_CHUNK = 1 << 18
_LARGEST = 400_000_000


def has_days(address: str) -> bool:
    """Whether a repository has dated snapshots: its address has a place for the day, or ends with one or “latest”."""
    return _PLACE in address or _SNAPSHOT.search(address) is not None


def on_day(address: str, day: str | None) -> str:
    """Return the address of a repository as of a day, where it has days; without one it is of now, or as it is."""
    if _PLACE in address:
        return address.replace(_PLACE, day or _NOW)
    return _SNAPSHOT.sub(rf"/{day}\g<end>", address) if day else address


class Repository:
    """One repository. The content of one whose address ends with a day never changes."""

    def __init__(self, name: str, address: str, *, cache: Path, progress: Progress) -> None:
        parts = split_address(address)
        if parts is None or (parts.scheme not in ("http", "https", "file") and not address.startswith("/")):
            raise InvalidInput(
                f"“{address[:80]!s}” is no repository of R packages. Name an address or a folder."
            )
        require_no_secret(address, "a repository")
        self.name = name
        self.address = address.rstrip("/") or "/"
        self._cache = cache
        self._lasting = re.search(_DAY, self.address) is not None
        self._progress = progress

    def packages(self) -> Iterator[Package]:
        """Yield what the repository's index lists now. Raises Unavailable or Cancelled."""
        for fields in read_paragraphs(self._index()):
            name, version = fields.get("Package", ""), fields.get("Version", "")
            if NAME.fullmatch(name) and VERSION.fullmatch(version) and "Path" not in fields:
                md5 = fields.get("MD5sum", "").lower()
                yield Package(name, version, self.name, fields, md5 if MD5.fullmatch(md5) else None)

    def hashed(self, package: Package) -> Package:
        """Return a package with the hash of its file, which is read for it. Raises Unavailable or Cancelled."""
        file = f"{package.name}_{package.version}.tar.gz"
        for place in (f"src/contrib/{file}", f"src/contrib/Archive/{package.name}/{file}"):
            data = self._read(place)
            if data is not None:
                return replace(package, md5=hashlib.md5(data, usedforsecurity=False).hexdigest())
        raise Unavailable(f"{self.address} has no file of {package.name} {package.version}. {WHERE_NAMED}")

    def find_older(self, name: str, version: str) -> Package | None:
        """Return a version that the index lists no more, read from its file; None when there is none."""
        data = self._read(f"src/contrib/Archive/{name}/{name}_{version}.tar.gz")
        if data is None:
            return None
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        try:
            with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
                file = archive.extractfile(f"{name}/DESCRIPTION")
                text = file.read(_CHUNK).decode("utf-8", "replace") if file else ""
        except (KeyError, tarfile.TarError, OSError, EOFError, zlib.error) as error:
            raise Unavailable(
                f"The file of {name} {version} in {self.address} cannot be read ({error})."
            ) from error
        return Package(name, version, self.name, next(read_paragraphs(text), {}), md5)

    def archived(self, name: str) -> list[str]:
        """Return the versions of a package that are kept besides the newest, where the repository tells."""
        place = f"src/contrib/Archive/{name}/"
        if self._is_local:
            folder = self._folder / place
            files = sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []
        else:
            files = _LINK.findall((self._read(place) or b"").decode("utf-8", "replace"))
        found = (file.removeprefix(f"{name}_").removesuffix(".tar.gz") for file in files)
        return [version for version in found if VERSION.fullmatch(version)]

    def _index(self) -> str:
        kept = self._cache / hashlib.sha256(self.address.encode()).hexdigest()[:16]
        if not self._is_local and kept.exists() and (self._lasting or _is_fresh(kept)):
            return _decompressed(kept.read_bytes())
        for file in ("src/contrib/PACKAGES.gz", "src/contrib/PACKAGES"):
            data = self._read(file)
            if data is not None:
                if not self._is_local:
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    write_file(kept, data)
                return _decompressed(data)
        raise Unavailable(
            f"{self.address} is no repository of R packages: it has no src/contrib/PACKAGES. Nothing was changed."
        )

    @property
    def _is_local(self) -> bool:
        return urlsplit(self.address).scheme in ("", "file")

    @property
    def _folder(self) -> Path:
        return Path(unquote(urlsplit(self.address).path))

    def _read(self, path: str) -> bytes | None:
        """Return a file of the repository; None when it has no such file."""
        go_on(self._progress)
        try:
            if self._is_local:
                return (self._folder / path).read_bytes()
            # What speaks HTTP takes long to load, and most commands never need it.
            from trailmark.environments.managers.download import download

            return download(f"{self.address}/{path}", self._progress)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise Unavailable(
                f"The repository of R packages {self.address} could not be read: {reason}. "
                f"Try again, or name another. {WHERE_NAMED}"
            ) from error


def _is_fresh(path: Path) -> bool:
    return 0 <= time.time() - path.stat().st_mtime < _FRESH_SECONDS


def _decompressed(data: bytes) -> str:
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(data)) as file:
                data = file.read(_LARGEST)
        except (OSError, EOFError, zlib.error) as error:
            raise Unavailable(
                f"The index of R packages cannot be read ({error}). Nothing was changed."
            ) from error
    return data.decode("utf-8", "replace")
