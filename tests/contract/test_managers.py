import os

import pytest

from trailmark.environments.interpreter import own_interpreter
from trailmark.environments.managers.apt import Apt
from trailmark.environments.managers.apt_system import AptSystem
from trailmark.environments.managers.conda import Conda
from trailmark.environments.managers.memory import Memory
from trailmark.environments.managers.model import Wanted
from trailmark.environments.managers.pip import Pip
from trailmark.environments.managers.r import R
from trailmark.environments.uv import find_uv
from trailmark.testing.apt_repositories import source_line, write_apt_repository, write_system
from trailmark.testing.conda_channels import write_conda_channel
from trailmark.testing.manager_contract import ManagerContract, Setting
from trailmark.testing.r_repositories import write_r_repository
from trailmark.testing.wheels import offline, write_index, write_wheel


class TestPip(ManagerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def setting(cls, tmp_path_factory: pytest.TempPathFactory) -> Setting:
        index = write_index(tmp_path_factory.mktemp("index") / "wheels")
        write_wheel(index, "delta", "1.0", requires=["beta>=2"])
        return Setting(
            make=lambda home: Pip(own_interpreter(), find_uv(offline(index, home / "cache", os.environ))),
            searched=("numb", "numba"),
        )


class TestConda(ManagerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def setting(cls, tmp_path_factory: pytest.TempPathFactory) -> Setting:
        channel = write_conda_channel(tmp_path_factory.mktemp("channel"))
        return Setting(
            make=lambda home: Conda(home / "conda", "linux-64"), wanted=Wanted(channels=(str(channel),))
        )


@pytest.mark.needs("apt-get")
class TestApt(ManagerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def setting(cls, tmp_path_factory: pytest.TempPathFactory) -> Setting:
        repository = write_apt_repository(tmp_path_factory.mktemp("repository"))
        root = write_system(tmp_path_factory.mktemp("root"))
        return Setting(
            make=lambda home: Apt(home / "apt", AptSystem(root, "amd64")),
            wanted=Wanted(channels=(source_line(repository),)),
            at="{name}={version}",
        )


class TestR(ManagerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def setting(cls, tmp_path_factory: pytest.TempPathFactory) -> Setting:
        repository = write_r_repository(tmp_path_factory.mktemp("cran"))
        return Setting(make=lambda home: R(home / "r", "4.2.2", repositories=[str(repository)]))


class TestMemory(ManagerContract):
    @pytest.fixture(scope="class")
    @classmethod
    def setting(cls) -> Setting:
        index = {
            "alpha": {"1.0": [], "2.0": ["beta>=1"]},
            "beta": {"1.0": [], "2.0": []},
            "gamma": {"1.0": ["beta<2"]},
            "delta": {"1.0": ["beta>=2"]},
        }
        return Setting(make=lambda home: Memory(index))
