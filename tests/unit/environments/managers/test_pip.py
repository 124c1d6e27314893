import os
from pathlib import Path

import pytest

from trailmark.environments.interpreter import own_interpreter
from trailmark.environments.lock import Attempt, _project
from trailmark.environments.managers.edit import unmet
from trailmark.environments.managers.model import Wanted
from trailmark.environments.managers.pip import Pip
from trailmark.environments.model import EnvironmentRequest, parse_lock
from trailmark.environments.uv import find_uv
from trailmark.errors import InvalidInput
from trailmark.testing.wheels import offline, write_index


@pytest.fixture
def pip(tmp_path: Path) -> Pip:
    index = write_index(tmp_path / "wheels")
    return Pip(own_interpreter(), find_uv(offline(index, tmp_path / "cache", os.environ)))


def test_the_digest_is_that_of_the_lock_as_it_always_was(pip: Pip) -> None:
    lock = pip.solve(Wanted(("alpha",)))
    assert lock.digest == parse_lock(lock.text).digest


def test_of_packages_that_differ_by_system_each_is_named_once(pip: Pip) -> None:
    lock = pip.solve(Wanted(("on-mac",)))
    assert [item.name for item in lock.items] == ["beta", "ipykernel", "on-mac"]
    assert unmet(pip, Wanted(("beta; sys_platform == 'darwin'",)), lock) == ()


def test_what_an_address_asks_for_is_met_whatever_its_version(pip: Pip) -> None:
    assert pip.meets("alpha @ https://example.org/alpha-1.0-py3-none-any.whl", None)
    assert not pip.meets("alpha", None)


def test_where_packages_come_from_is_uvs_own_matter(pip: Pip) -> None:
    with pytest.raises(InvalidInput, match="uv's own settings"):
        pip.solve(Wanted(("alpha",), ("https://example.org/simple",)))


def test_only_what_existed_on_a_day_is_taken() -> None:
    request = EnvironmentRequest(packages=("alpha",))
    text = _project(Attempt(), request, own_interpreter(), "2024-05-01")
    assert 'exclude-newer = "2024-05-01T00:00:00Z"' in text
    assert "exclude-newer" not in _project(Attempt(), request, own_interpreter(), None)
