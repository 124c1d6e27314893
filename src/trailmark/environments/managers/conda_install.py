"""Install what a conda-lock.yml names, each package checked against its hash.

Also sent into images as it stands: there it runs beside the lock, with nothing but Python and py-rattler.
"""

import asyncio
import hashlib
import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import rattler


async def install(lock: Path, prefix: Path, platform: str | None = None, cache: Path | None = None) -> None:
    """Make the folder `prefix` hold the lock's packages for `platform` (None: its first). Raises ValueError."""
    environment = rattler.LockFile.from_path(lock).default_environment()
    places = {place.name: place for place in environment.platforms()} if environment else {}
    chosen = platform or next(iter(places), None)
    if environment is None or chosen not in places:
        raise ValueError(f"The lock is not for {chosen}.")
    records = environment.conda_repodata_records_for_platform(places[chosen]) or []
    for record in records:
        _check_file(record)
    await rattler.install(
        records, prefix, cache_dir=cache, platform=rattler.Subdir(chosen), show_progress=False
    )


def _check_file(record: rattler.RepoDataRecord) -> None:
    """Compare a local file with its hash: py-rattler does so only with what it downloads."""
    parts = urlsplit(record.url)
    if parts.scheme != "file":
        return
    kind, wanted = ("sha256", record.sha256) if record.sha256 else ("md5", record.md5)
    found = hashlib.new(kind, Path(unquote(parts.path)).read_bytes()).digest()
    if found != wanted:
        raise ValueError(
            f"{record.file_name} is not the file that the lock names: its {kind} is {found.hex()}."
        )


if __name__ == "__main__":
    asyncio.run(install(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
    # py-rattler's threads may be at work for a moment yet, and Python that ends meanwhile can crash.
    os._exit(0)
