"""Make a base image of Debian's own packages, for machines that reach Debian and no registry of images."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trailmark.engines.answers import ask
from trailmark.engines.daemon import Daemon
from trailmark.errors import CommandFailed, Unavailable
from trailmark.process import stream
from trailmark.progress import Progress

_SNAPSHOTS = "https://snapshot.debian.org/archive/debian"
_PIECE = 1 << 20


@dataclass(frozen=True)
class Debian:
    """Which Debian: a suite (bookworm), packages besides the variant's own, and the moment of the archive."""

    suite: str
    variant: str = "minbase"
    include: tuple[str, ...] = ()
    components: tuple[str, ...] = ("main",)
    snapshot: str | None = None


def bootstrap(daemon: Daemon, reference: str, debian: Debian, near: Path, progress: Progress) -> None:
    """Have the engine know a fresh Debian under a name; nothing is left below `near`, where it is made.

    Raises Unavailable where that cannot be done, CommandFailed with debootstrap's own words, or Cancelled.
    """
    program = shutil.which("debootstrap")
    if program is None or os.getuid() != 0:
        raise Unavailable(
            "This base is made of Debian's packages, for which debootstrap and root are needed (Debian: apt-get "
            "install debootstrap). Choose another base, or ask whoever looks after this machine."
        )
    near.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".base-", dir=near, ignore_cleanup_errors=True) as name:
        root, archive = Path(name) / "root", Path(name) / "root.tar"
        progress.step(f"Making a Debian {debian.suite}", None)
        _follow([program, *_options(debian), debian.suite, str(root), *_mirror(debian)], progress)
        _follow(["tar", "--numeric-owner", "-C", str(root), "-cf", str(archive), "."], progress)
        repository, tag = reference.rsplit(":", 1)
        with archive.open("rb") as data:
            answer = ask(
                daemon,
                "images/create",
                "take the base",
                progress,
                parameters={"fromSrc": "-", "repo": repository, "tag": tag},
                data=iter(lambda: data.read(_PIECE), b""),
            )
            for line in answer:
                if b'"error"' in line:
                    raise CommandFailed(
                        "The engine did not take the base. Nothing was changed.", output=repr(line)
                    )


def _options(debian: Debian) -> list[str]:
    options = [f"--variant={debian.variant}", f"--components={','.join(debian.components)}"]
    return [*options, f"--include={','.join(debian.include)}"] if debian.include else options


def _mirror(debian: Debian) -> list[str]:
    return [f"{_SNAPSHOTS}/{debian.snapshot}"] if debian.snapshot else []


def _follow(argv: Sequence[str], progress: Progress) -> None:
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        progress.log(line)

    code = stream(argv, on_line=hear, cancelled=lambda: progress.cancelled)
    if code != 0:
        words = "\n".join(said[-30:])
        raise CommandFailed(
            f"The base could not be made. Nothing was changed.\n{words}", output=words, code=code
        )
