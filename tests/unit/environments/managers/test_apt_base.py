import io
import os
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from trailmark.environments.managers.apt_base import BaseSystems
from trailmark.environments.managers.apt_system import STATE_PATHS, unpack_system
from trailmark.errors import Damaged
from trailmark.progress import NullProgress, Progress
from trailmark.testing.archives import make_tar


class Image:
    """Answers as an engine does, and counts how often it is asked."""

    def __init__(self, archives: Mapping[str, bytes]) -> None:
        self.archives = archives
        self.asked = 0

    def read(
        self, image: str, first: Sequence[str], paths: Sequence[str], progress: Progress
    ) -> Mapping[str, bytes]:
        self.asked += 1
        assert "apt-get" in first[-1]
        assert tuple(paths) == STATE_PATHS
        return self.archives


def _state(architecture: str = "arm64\n") -> dict[str, bytes]:
    return {
        "/etc/apt": make_tar({"apt/sources.list": "", "apt/trailmark-architecture": architecture}),
        "/var/lib/dpkg/status": make_tar({"status": "Package: x\n"}),
    }


def test_the_state_of_a_base_is_kept_for_an_hour(tmp_path: Path) -> None:
    image = Image(_state())
    systems = BaseSystems(tmp_path, image.read)
    first = systems("base:1", NullProgress())
    assert first.architecture == "arm64"
    assert (first.root / "var/lib/dpkg/status").read_text() == "Package: x\n"
    assert systems("base:1", NullProgress()) == first
    assert BaseSystems(tmp_path, image.read)("base:1", NullProgress()) == first
    assert image.asked == 1
    assert systems("base:2", NullProgress()).root != first.root
    assert image.asked == 2
    [mark] = [path for path in tmp_path.glob("*.json") if first.root.name in path.read_text()]
    mark.write_text(mark.read_text().replace('"at": 1', '"at": 0'))
    os.utime(first.root, (1, 1))
    again = systems("base:1", NullProgress())
    assert again.root != first.root
    assert not first.root.exists()


def test_a_damaged_mark_is_no_mark(tmp_path: Path) -> None:
    image = Image(_state())
    systems = BaseSystems(tmp_path, image.read)
    systems("base:1", NullProgress())
    for mark in tmp_path.glob("*.json"):
        mark.write_text("[]")
    systems("base:1", NullProgress())
    assert image.asked == 2


@pytest.mark.parametrize("archives", [{}, {"/etc/apt": b"no tar"}, _state("\xff")])
def test_an_image_that_says_nonsense(tmp_path: Path, archives: dict[str, bytes]) -> None:
    with pytest.raises(Damaged):
        BaseSystems(tmp_path, Image(archives).read)("base:1", NullProgress())


def test_nothing_of_an_image_lands_elsewhere(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        link = tarfile.TarInfo("apt/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("../../../outside"))
    with pytest.raises(Damaged):
        unpack_system({"/etc/apt": packed.getvalue()}, tmp_path / "in" / "root")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert not list(tmp_path.rglob("link"))
