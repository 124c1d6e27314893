"""The package state of a base, read from its image by whoever can, and kept for an hour."""

import contextlib
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from trailmark.durable import write_file
from trailmark.environments.managers.apt_system import STATE_PATHS, AptSystem, unpack_system
from trailmark.errors import Damaged
from trailmark.progress import Progress

_FRESH_SECONDS = 3600.0
_ARCHITECTURE = "/etc/apt/trailmark-architecture"
# What is run in the image first: its own index, with its own keys; and for whom its packages are.
READ_INDEX = ("sh", "-c", f"apt-get -q update && dpkg --print-architecture > {_ARCHITECTURE}")

# Given an image, what to run in it first, and paths: the tar archive of each path that is there.
ReadImage = Callable[[str, Sequence[str], Sequence[str], Progress], Mapping[str, bytes]]


class BaseSystems:
    """Gives the package state of a base by the name of its image."""

    def __init__(self, cache: Path, read: ReadImage) -> None:
        self._cache = cache
        self._read = read

    def __call__(self, image: str, progress: Progress) -> AptSystem:
        """Return the package state of an image. Raises what reading it raises, and Damaged."""
        key = hashlib.sha256(image.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        mark = self._cache / f"{key}.json"
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            known = json.loads(mark.read_text(encoding="utf-8"))
            folder = self._cache / Path(known["folder"]).name
            if 0 <= time.time() - known["at"] < _FRESH_SECONDS and folder.is_dir():
                return AptSystem(folder, known["architecture"])
        progress.step("Reading which system packages the base has")
        archives = self._read(image, READ_INDEX, STATE_PATHS, progress)
        self._cache.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{key}-", dir=self._cache))
        unpack_system(archives, folder)
        try:
            architecture = (folder / _ARCHITECTURE.lstrip("/")).read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise Damaged(f"The image {image} does not say for which machines its packages are.") from error
        known = {"at": time.time(), "architecture": architecture, "folder": folder.name}
        write_file(mark, json.dumps(known).encode())
        self._drop_old(key, folder)
        return AptSystem(folder, architecture)

    def _drop_old(self, key: str, new: Path) -> None:
        """Remove what was read before, but for what another program may be at work with."""
        for folder in self._cache.glob(f"{key}-*"):
            if folder != new and time.time() - folder.stat().st_mtime > 2 * _FRESH_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
