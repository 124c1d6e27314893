"""Archives that are the same bytes each time, for the makers of tiny package indexes."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Mapping
from pathlib import PurePosixPath

_LONG_AGO = 1_577_836_800


def make_tar(files: Mapping[str, str], compression: str = "gz") -> bytes:
    """Return a tar archive of text files with the folders that they lie in (compression: gz, bz2 or xz)."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for folder in sorted({str(one) for path in files for one in PurePosixPath(path).parents} - {"."}):
            place = tarfile.TarInfo(folder)
            place.type, place.mtime, place.mode = tarfile.DIRTYPE, _LONG_AGO, 0o755
            archive.addfile(place)
        for path, text in files.items():
            data = text.encode()
            entry = tarfile.TarInfo(path)
            entry.size, entry.mtime, entry.mode = len(data), _LONG_AGO, 0o644
            archive.addfile(entry, io.BytesIO(data))
    return compress(plain.getvalue(), compression)


def compress(data: bytes, compression: str) -> bytes:
    """Return the bytes compressed, with no time and no file name written into them."""
    match compression:
        case "gz":
            return gzip.compress(data, mtime=0)
        case "bz2":
            return bz2.compress(data)
        case _:
            return lzma.compress(data)
