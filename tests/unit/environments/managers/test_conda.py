import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import rattler

from trailmark.environments.managers import conda_install
from trailmark.environments.managers.conda import Conda
from trailmark.environments.managers.model import ManagerLock, SolveFailed, Wanted
from trailmark.errors import Damaged, InvalidInput, Unavailable
from trailmark.testing.conda_channels import write_conda_channel, write_conda_package


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    return write_conda_channel(tmp_path / "channel")


@pytest.fixture
def conda(channel: Path, tmp_path: Path) -> Conda:
    return Conda(tmp_path / "cache", "linux-64", channels=[str(channel)])


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address(channel: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(channel))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_py_rattler_is_loaded_only_when_it_is_used() -> None:
    code = "import sys; from trailmark.environments.managers.conda import Conda; sys.exit('rattler' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_other_tools_read_the_lock(conda: Conda, tmp_path: Path) -> None:
    lock = conda.solve(Wanted(("alpha", "gamma")))
    path = tmp_path / conda.file_name
    path.write_text(lock.text, encoding="utf-8")
    read = rattler.LockFile.from_path(path)
    [platform] = read.platforms()
    environment = read.default_environment()
    assert environment is not None
    packages = environment.packages(platform) or []
    assert platform.name == "linux-64"
    assert {(one.name, one.hashes.sha256.hex()) for one in packages if one.hashes and one.hashes.sha256} == {
        (item.name, item.hashes[0].removeprefix("sha256:")) for item in lock.items
    }


def install(lock: ManagerLock, prefix: Path) -> None:
    place = prefix.with_name("conda-lock.yml")
    place.write_text(lock.text)
    asyncio.run(conda_install.install(place, prefix, "linux-64", prefix.with_name("packages")))


def test_what_was_locked_is_installed(conda: Conda, tmp_path: Path) -> None:
    install(conda.solve(Wanted(("alpha", "gamma"))), tmp_path / "prefix")
    share = tmp_path / "prefix" / "share"
    assert {path.name: path.read_text() for path in share.iterdir()} == {
        "alpha.txt": "alpha 2.0\n",
        "beta.txt": "beta 1.0\n",
        "gamma.txt": "gamma 1.0\n",
    }
    install(conda.solve(Wanted(("alpha==1.0",))), tmp_path / "prefix")
    assert [path.name for path in share.iterdir()] == ["alpha.txt"]


def test_another_file_than_the_locks_is_not_installed(conda: Conda, channel: Path, tmp_path: Path) -> None:
    lock = conda.solve(Wanted(("beta",)))
    write_conda_package(channel, "beta", "2.0", files={"share/beta.txt": "another\n"})
    with pytest.raises(ValueError, match=r"beta-2\.0-0\.tar\.bz2 is not the file that the lock names"):
        install(lock, tmp_path / "prefix")
    assert not (tmp_path / "prefix" / "share").exists()


def test_another_file_from_an_address_is_not_installed(channel: Path, address: str, tmp_path: Path) -> None:
    conda = Conda(tmp_path / "cache", "linux-64", channels=[address])
    lock = conda.solve(Wanted(("beta",)))
    assert lock.items[0].source == f"{address}noarch/beta-2.0-0.tar.bz2"
    index = (channel / "noarch" / "repodata.json").read_text()
    write_conda_package(channel, "beta", "2.0", files={"share/beta.txt": "another\n"})
    (channel / "noarch" / "repodata.json").write_text(index)
    with pytest.raises(rattler.exceptions.InstallerError, match="hash mismatch"):
        install(lock, tmp_path / "prefix")


def test_the_step_for_an_image_does_the_same(conda: Conda, tmp_path: Path) -> None:
    [step] = conda.install_steps(conda.solve(Wanted(("alpha",))))
    assert step.needs == ("uv",)
    assert "py-rattler==" in step.run[-1]
    (tmp_path / "step").mkdir()
    for name, text in step.files.items():
        (tmp_path / "step" / name).write_text(text, encoding="utf-8")
    program = [sys.executable, "conda_install.py", conda.file_name, str(tmp_path / "prefix"), "linux-64"]
    assert step.run[-1].endswith("python conda_install.py conda-lock.yml /opt/conda linux-64")
    environ = {"RATTLER_CACHE_DIR": str(tmp_path / "packages"), "HOME": str(tmp_path)}
    subprocess.run(program, cwd=tmp_path / "step", env=environ, check=True)
    assert (tmp_path / "prefix" / "share" / "beta.txt").read_text() == "beta 2.0\n"
    assert (tmp_path / "packages").is_dir()


def test_a_python_that_conda_brings_is_the_environments_own(channel: Path, conda: Conda) -> None:
    write_conda_package(channel, "python", "3.11.9")
    write_conda_package(channel, "python", "3.12.4")
    write_conda_package(channel, "needs-python", "1.0", depends=["python"])
    lock = conda.solve(Wanted(("needs-python",), runtime="3.11"))
    assert {item.name: item.version for item in lock.items} == {"needs-python": "1.0", "python": "3.11.9"}
    assert [item.name for item in conda.solve(Wanted(("beta",), runtime="3.11")).items] == ["beta"]
    with pytest.raises(SolveFailed, match="The solver says"):
        conda.solve(Wanted(("python==3.12.4",), runtime="3.11"))


def test_packages_are_for_linux_on_this_processor(tmp_path: Path) -> None:
    assert Conda(tmp_path).platform in ("linux-64", "linux-aarch64")


def test_the_machine_that_resolves_does_not_matter(channel: Path, tmp_path: Path) -> None:
    elsewhere = Conda(tmp_path / "cache", "osx-arm64", channels=[str(channel)])
    assert elsewhere.solve(Wanted(("alpha",))).find("alpha") is not None
    here = Conda(tmp_path / "cache", "linux-64", channels=[str(channel)])
    assert [item.name for item in here.solve(Wanted(("needs-glibc",))).items] == ["needs-glibc"]


def test_the_first_channel_that_has_a_package_counts(channel: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    write_conda_package(mine, "beta", "1.5")
    conda = Conda(tmp_path / "cache", "linux-64")
    lock = conda.solve(Wanted(("beta",), (str(mine), str(channel))))
    assert [(item.name, item.version) for item in lock.items] == [("beta", "1.5")]
    assert conda.newest(["beta"], Wanted((), (str(mine), str(channel)))) == {"beta": "1.5"}
    assert conda.outdated(lock) == {}


def test_builds_and_limits_may_be_asked_for(conda: Conda) -> None:
    assert conda.check("gdal=3.8") == "gdal 3.8.*"
    assert conda.check("conda-forge::gdal>=3") == "conda-forge::gdal >=3"
    assert conda.check("Python") == "python"
    lock = conda.solve(Wanted(("alpha >=1,<2",)))
    assert [(item.name, item.version) for item in lock.items] == [("alpha", "1.0")]


def test_a_channel_that_cannot_be_read(conda: Conda, tmp_path: Path) -> None:
    for channel in (str(tmp_path / "nothing"), "http://127.0.0.1:9/channel"):
        with pytest.raises(Unavailable, match="py-rattler says"):
            conda.solve(Wanted(("alpha",), (channel,)))


@pytest.mark.parametrize("channel", ["https://ada:pass@example.org/x", "https://example.org/t/tk-1/x"])
def test_no_secret_gets_into_a_lock(conda: Conda, channel: str) -> None:
    with pytest.raises(InvalidInput, match="password or a token") as refused:
        conda.solve(Wanted(("alpha",), (channel,)))
    assert "pass@" not in str(refused.value)
    assert "tk-1" not in str(refused.value)


@pytest.mark.parametrize("channel", ["", "./here", "~/here", "-x", "a\nb"])
def test_what_is_no_channel(conda: Conda, channel: str) -> None:
    with pytest.raises(InvalidInput):
        conda.solve(Wanted(("alpha",), (channel,)))


def test_a_lock_for_several_platforms_is_read_for_one(conda: Conda) -> None:
    lock = conda.solve(Wanted(("beta",)))
    both = lock.text.replace("  - linux-64\n", "  - osx-64\n  - linux-64\n") + lock.text.partition(
        "package:\n"
    )[2].replace("linux-64", "osx-64").replace("2.0", "9.0")
    assert [item.version for item in conda.parse(both).items] == ["2.0"]
    assert [item.version for item in Conda(Path(), "osx-64").parse(both).items] == ["9.0"]
    with pytest.raises(Damaged, match="beta twice"):
        conda.parse(both.replace("platform: osx-64", "platform: linux-64"))


def test_pips_packages_belong_in_its_own_lock(conda: Conda) -> None:
    text = conda.solve(Wanted(("beta",))).text.replace("manager: conda", "manager: pip")
    with pytest.raises(Damaged, match="beta comes from pip"):
        conda.parse(text)


def test_the_digest_does_not_depend_on_the_layout(conda: Conda) -> None:
    lock = conda.solve(Wanted(("beta",)))
    assert conda.parse("# a remark\n" + lock.text).digest == lock.digest
    assert conda.parse(lock.text.replace("2.0", "2.1")).digest != lock.digest


def test_a_kept_package_that_is_gone_moves_on(conda: Conda, channel: Path) -> None:
    before = conda.solve(Wanted(("beta==1.0",)))
    index = channel / "noarch" / "repodata.json"
    content = json.loads(index.read_text())
    del content["packages"]["beta-1.0-0.tar.bz2"]
    index.write_text(json.dumps(content))
    assert [item.version for item in conda.solve(Wanted(("beta",)), before).items] == ["2.0"]


def test_one_version_is_asked_for_of_the_same_channel(tmp_path: Path) -> None:
    conda = Conda(tmp_path, "linux-64")
    assert conda.exactly("conda-forge::gdal >=3", "3.8") == "conda-forge::gdal==3.8"
