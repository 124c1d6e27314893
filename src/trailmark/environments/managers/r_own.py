"""What R says of itself, on this machine or in an image: its version, and the repositories that it names."""

import contextlib
import hashlib
import json
import shutil
import tarfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

from trailmark.durable import write_file
from trailmark.environments.managers.apt_base import ReadImage
from trailmark.environments.managers.r_packages import VERSION
from trailmark.errors import TrailmarkError, Unavailable
from trailmark.process import run
from trailmark.progress import Progress

_FRESH_SECONDS = 3600.0
_PATIENCE_SECONDS = 60.0
# One resolution asks several times; a person may change their profile before the next.
_AT_HAND_SECONDS = 5.0
_ANSWER = "/tmp/trailmark-r"
_MARK = "trailmark-r "
# Where nobody has chosen a repository, R asks for one when it is needed: then it is the first that R itself lists.
_ASK = """
repos <- as.character(unlist(getOption("repos")))
if (any(repos == "@CRAN@")) repos[repos == "@CRAN@"] <- utils::getCRANmirrors(local.only = TRUE)$URL[1L]
answer <- c(paste(R.version$major, R.version$minor, sep = "."), repos[!is.na(repos) & nzchar(repos)])
place <- commandArgs(TRUE)[1L]
cat(paste0("trailmark-r ", answer, "\\n"), file = if (is.na(place)) "" else place, sep = "")
"""
# What would have R record what it is asked, and what belongs to another R.
_UNWANTED = ("LD_PRELOAD", "R_PROFILE", "TRAILMARK_R", "TRAILMARK_R_AS", "TRAILMARK_R_CONSOLE")
_OWN_PROFILE = "TRAILMARK_R_PROFILE"


@dataclass(frozen=True)
class OwnR:
    """One R: its version, and the addresses of its repositories, none perhaps."""

    version: str
    repositories: tuple[str, ...]


class OwnRs:
    """Asks the R of this machine, or that of an image; of an image it is asked once and kept in `cache`.

    An image whose name says nothing of its content is asked again after an hour.
    """

    def __init__(self, cache: Path, environ: Mapping[str, str], read: ReadImage) -> None:
        self._cache = cache
        self._environ = environ
        self._read = read
        self._at_hand: tuple[float, OwnR] | None = None

    def __call__(self, image: str | None, progress: Progress) -> OwnR:
        """Return what R says, of this machine for None. Raises Unavailable when there is no R that answers."""
        if image is not None:
            return self._inside(image, progress)
        if self._at_hand is None or not 0 <= time.monotonic() - self._at_hand[0] < _AT_HAND_SECONDS:
            progress.step("Asking R for its version and its repositories")
            self._at_hand = (time.monotonic(), self._ask_here())
        return self._at_hand[1]

    def _ask_here(self) -> OwnR:
        rscript = shutil.which("Rscript", path=self._environ.get("PATH"))
        if rscript is None:
            raise Unavailable("this machine has no R")
        own = self._environ.get("R_PROFILE" if _OWN_PROFILE not in self._environ else _OWN_PROFILE)
        environ = {name: value for name, value in self._environ.items() if name not in _UNWANTED}
        environ |= {"R_PROFILE": own} if own else {}
        try:
            # In a folder that is no project of anybody's: R reads the profile that lies where it starts.
            said = run([rscript, "-e", _ASK], cwd=Path("/"), env=environ, timeout=_PATIENCE_SECONDS)
        except TrailmarkError as error:
            raise Unavailable(f"R does not answer ({error})") from error
        return _read_answer(said.stdout, said.stderr)

    def _inside(self, image: str, progress: Progress) -> OwnR:
        key = hashlib.sha256(image.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        kept = self._cache / f"own-{key}.json"
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            known = json.loads(kept.read_text(encoding="utf-8"))
            if "@sha256:" in image or 0 <= time.time() - known["at"] < _FRESH_SECONDS:
                return OwnR(str(known["version"]), tuple(map(str, known["repositories"])))
        progress.step("Asking the base's R for its version and its repositories")
        archives = self._read(image, ("Rscript", "-e", _ASK, _ANSWER), (_ANSWER,), progress)
        own = _read_answer(_text_of(archives.get(_ANSWER, b"")), f"{image} does not say")
        self._cache.mkdir(parents=True, exist_ok=True)
        write_file(kept, json.dumps({"at": time.time(), **asdict(own)}).encode())
        return own


def _text_of(archive: bytes) -> str:
    """Return the text of the file that a tar archive of one holds; none of an archive that cannot be read."""
    try:
        with tarfile.open(fileobj=BytesIO(archive)) as opened:
            file = opened.extractfile(opened.next() or "")
            return file.read(100_000).decode("utf-8", "replace") if file else ""
    except (tarfile.TarError, KeyError, OSError):
        return ""


def _read_answer(text: str, said: str) -> OwnR:
    """Read what R printed, whatever a person's profile printed besides. Raises Unavailable."""
    lines = [line.removeprefix(_MARK) for line in text.splitlines() if line.startswith(_MARK)]
    if not lines or not VERSION.fullmatch(lines[0]):
        raise Unavailable(f"R does not answer ({' '.join(said.split())[-300:] or 'it says nothing'})")
    return OwnR(lines[0], tuple(dict.fromkeys(line.strip() for line in lines[1:])))
