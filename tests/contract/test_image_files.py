import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from tests.containers import BASE

from trailmark.engines.daemon import Daemon
from trailmark.engines.image_files import read_files
from trailmark.engines.leftovers import PASSING
from trailmark.engines.trust import Trust
from trailmark.environments.managers.apt import Apt
from trailmark.environments.managers.apt_base import BaseSystems
from trailmark.environments.managers.edit import unmet
from trailmark.environments.managers.model import Wanted
from trailmark.environments.managers.r_own import OwnR, OwnRs
from trailmark.errors import Cancelled, CommandFailed, NotFound
from trailmark.progress import NullProgress
from trailmark.testing.manager_contract import Listener

WORD = "looked-at"


def _read(daemon: Daemon, *first: str, paths: tuple[str, ...] = ("/srv/said",)) -> dict[str, bytes]:
    return read_files(daemon, BASE, paths, first=first, trust=Trust(), progress=NullProgress())


def test_what_lies_in_an_image_is_read_after_something_was_run(docker: Daemon) -> None:
    found = _read(docker, "sh", "-c", "echo hello > /srv/said", paths=("/srv/said", "/srv/nothing"))
    assert list(found) == ["/srv/said"]
    with tarfile.open(fileobj=io.BytesIO(found["/srv/said"])) as archive:
        file = archive.extractfile("said")
        assert file is not None
        assert file.read() == b"hello\n"
    assert _read(docker, "true") == {}


class Looking(NullProgress):
    """Looks at the container while something runs in it."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.facts: dict[str, Any] = {}

    @property
    def cancelled(self) -> bool:
        """Stop once the container was seen."""
        wanted = {"label": [PASSING], "ancestor": [BASE]}
        for one in self._daemon.api.containers(filters=wanted):
            facts = self._daemon.api.inspect_container(one["Id"])
            if WORD in facts["Config"]["Cmd"]:
                self.facts = facts
        return bool(self.facts)


def test_what_runs_in_an_image_is_held_and_its_proxy_is_nowhere_to_be_read(docker: Daemon) -> None:
    trust = Trust(proxies={"http_proxy": "http://ada:s3cr3t@127.0.0.1:9"})
    script = ("sh", "-c", "echo $http_proxy > /srv/said; grep NoNewPrivs /proc/self/status >> /srv/said")
    found = read_files(docker, BASE, ("/srv/said",), first=script, trust=trust, progress=NullProgress())
    assert b"http://ada:s3cr3t@127.0.0.1:9\nNoNewPrivs:\t1\n" in found["/srv/said"]
    seen = Looking(docker)
    with pytest.raises(Cancelled):
        read_files(docker, BASE, (), first=("sh", "-c", "sleep 600", WORD), trust=trust, progress=seen)
    assert "s3cr3t" not in json.dumps(seen.facts)
    host = seen.facts["HostConfig"]
    assert host["PidsLimit"] > 0
    assert host["Memory"] > 0


def test_what_fails_in_an_image_says_why(docker: Daemon) -> None:
    with pytest.raises(CommandFailed, match="oh no") as failed:
        _read(docker, "sh", "-c", "echo oh no; exit 3")
    assert failed.value.code == 3


def test_an_image_that_there_is_not(docker: Daemon) -> None:
    with pytest.raises(NotFound, match="nosuchimage"):
        read_files(docker, "nosuchimage:1", (), first=("true",), trust=Trust(), progress=NullProgress())


def test_looking_into_an_image_stops_when_it_is_no_longer_wanted(docker: Daemon) -> None:
    with pytest.raises(Cancelled):
        read_files(docker, BASE, (), first=("sleep", "600"), trust=Trust(), progress=Listener(patience=0))


@pytest.mark.needs("apt-get")
@pytest.mark.slow
def test_system_packages_are_resolved_as_the_base_has_them(docker: Daemon, tmp_path: Path) -> None:
    asked: list[str] = []

    def read(image, first, paths, progress):  # type: ignore[no-untyped-def]
        asked.append(image)
        # The image brings its index along; no network is needed to look at it.
        first = ("sh", "-c", first[2].replace("apt-get -q update", "true"))
        return read_files(docker, image, paths, first=first, trust=Trust(), progress=progress)

    apt = Apt(tmp_path / "cache", system_of=BaseSystems(tmp_path / "bases", read))
    lock = apt.solve(Wanted(("bc", "apt"), runtime=BASE))
    versions = {item.name: item for item in lock.items}
    assert versions["bc"].hashes[0].startswith("sha256:")
    assert versions["apt"].hashes == ()
    assert f'base = "{BASE}"' in lock.text
    assert lock.runtime == BASE
    assert apt.solve(Wanted(("bc", "apt"), runtime=BASE)) == lock
    assert apt.outdated(lock) == {}
    assert asked == [BASE]
    assert unmet(apt, Wanted(("bc",), runtime=BASE), lock) == ()
    assert unmet(apt, Wanted(("bc",), runtime="another"), lock) == ("bc",)


def test_the_r_of_an_image_says_where_it_looks(docker: Daemon, tmp_path: Path) -> None:
    image = "trailmark-test-own-r"
    said = "trailmark-r 4.5.2\\ntrailmark-r https://example.org/cran/2026-02-01\\n"
    script = f'#!/bin/sh\\nfor last; do :; done\\nprintf "{said}" > "$last"\\n'
    recipe = f"FROM {BASE}\nRUN printf '%b' '{script}' > /usr/bin/Rscript && chmod +x /usr/bin/Rscript\n"
    for line in docker.api.build(fileobj=io.BytesIO(recipe.encode()), tag=image, rm=True, decode=True):
        assert "error" not in line, line

    def read(image, first, paths, progress):  # type: ignore[no-untyped-def]
        return read_files(docker, image, paths, first=first, trust=Trust(), progress=progress)

    try:
        own = OwnRs(tmp_path, {}, read)(image, NullProgress())
    finally:
        docker.api.remove_image(image, force=True)
    assert own == OwnR("4.5.2", ("https://example.org/cran/2026-02-01",))
    with pytest.raises(CommandFailed, match="Rscript"):
        OwnRs(tmp_path, {}, read)(BASE, NullProgress())
