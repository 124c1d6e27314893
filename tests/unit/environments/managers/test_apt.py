import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trailmark.environments.managers import debian
from trailmark.environments.managers.apt import Apt
from trailmark.environments.managers.apt_system import AptSystem
from trailmark.environments.managers.model import SolveFailed, Wanted
from trailmark.errors import Damaged, InvalidInput, Unavailable
from trailmark.testing.apt_repositories import source_line, write_apt_repository, write_deb, write_system

pytestmark = pytest.mark.needs("apt-get")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return write_apt_repository(tmp_path / "repository")


@pytest.fixture
def apt(tmp_path: Path) -> Apt:
    return Apt(tmp_path / "cache", AptSystem(write_system(tmp_path / "root"), "amd64"))


def _versions(apt: Apt, wanted: Wanted) -> dict[str, str | None]:
    return {item.name: item.version for item in apt.solve(wanted).items}


def test_what_a_base_has_is_taken_into_account(repository: Path, tmp_path: Path) -> None:
    root = write_system(tmp_path / "base", {"beta": "1.0"})
    apt = Apt(tmp_path / "cache", AptSystem(root, "amd64"))
    lines = (source_line(repository),)
    assert _versions(apt, Wanted(("alpha",), lines)) == {"alpha": "2.0"}
    assert _versions(apt, Wanted(("gamma",), lines)) == {"gamma": "1.0"}
    assert _versions(apt, Wanted(("delta",), lines)) == {"beta": "2.0", "delta": "1.0"}
    lock = apt.solve(Wanted(("beta=1.0",), lines))
    assert "in-base = true" in lock.text
    assert apt.install_steps(lock) == ()
    assert not (root / "var/cache").exists()


def test_nothing_of_a_base_is_removed(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    write_deb(repository, "rival", "1.0", fields={"Conflicts": "beta"})
    apt = Apt(tmp_path / "cache", AptSystem(write_system(tmp_path / "base", {"beta": "1.0"}), "amd64"))
    with pytest.raises(SolveFailed, match="apt says:"):
        apt.solve(Wanted(("rival",), (source_line(repository),)))


def test_the_index_that_lies_in_a_base_is_used(repository: Path, tmp_path: Path) -> None:
    root = write_system(tmp_path / "base")
    (root / "etc/apt/sources.list").write_text(source_line(repository) + "\n")
    name = str(repository).replace("_", "%5f").replace("/", "_") + "_._Packages"
    shutil.copy(repository / "Packages", root / "var/lib/apt/lists" / name)
    apt = Apt(tmp_path / "cache", AptSystem(root, "amd64"))
    assert _versions(apt, Wanted(("alpha",))) == {"alpha": "2.0", "beta": "2.0"}
    assert apt.search("al") == ["alpha"]


def test_nothing_that_a_base_says_is_run_here(repository: Path, tmp_path: Path) -> None:
    root = write_system(tmp_path / "base")
    mark = tmp_path / "mark"
    (root / "etc/apt/apt.conf.d").mkdir()
    for file in ("etc/apt/apt.conf.d/99run", "etc/apt/apt.conf"):
        (root / file).write_text(
            f'APT::Update::Pre-Invoke {{ "touch {mark}"; }}; APT::Update::Post-Invoke {{ "touch {mark}"; }};'
        )
    apt = Apt(tmp_path / "cache", AptSystem(root, "amd64"))
    assert _versions(apt, Wanted(("alpha",), (source_line(repository),)))
    assert not mark.exists()


def test_an_index_is_read_again_after_an_hour(apt: Apt, repository: Path, tmp_path: Path) -> None:
    wanted = Wanted(("beta",), (source_line(repository).replace("file:", "copy:"),))
    assert _versions(apt, wanted) == {"beta": "2.0"}
    write_deb(repository, "beta", "3.0")
    assert _versions(apt, wanted) == {"beta": "2.0"}
    for mark in (tmp_path / "cache").glob("*/updated"):
        os.utime(mark, (1, 1))
    assert _versions(apt, wanted) == {"beta": "3.0"}


def test_a_day_is_put_into_the_sources_and_its_index_lasts(apt: Apt, tmp_path: Path) -> None:
    dated = tmp_path / "20240501T000000Z"
    write_apt_repository(dated)
    line = source_line(tmp_path / "{snapshot}").replace("file:", "copy:")
    lock = apt.solve(Wanted(("alpha",), (line,), "2024-05-01"))
    assert 'snapshot = "2024-05-01"' in lock.text
    assert f"copy:{dated}" in lock.text
    shutil.rmtree(dated)
    for mark in (tmp_path / "cache").glob("*/updated"):
        os.utime(mark, (1, 1))
    assert apt.solve(Wanted(("alpha",), (line,), "2024-05-01")) == lock
    assert apt.outdated(lock) == {}
    with pytest.raises(InvalidInput, match="no source of dated packages"):
        apt.solve(Wanted(("alpha",), (), "2024-05-01"))


def test_a_source_that_cannot_be_read(apt: Apt, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="apt says:"):
        apt.solve(Wanted(("alpha",), (source_line(tmp_path / "nothing"),)))


def test_a_system_without_an_index_says_so(apt: Apt) -> None:
    with pytest.raises(Unavailable, match="apt-get update"):
        apt.solve(Wanted(("alpha",)))
    with pytest.raises(Unavailable, match="apt-get update"):
        apt.search("al")


def test_several_programs_may_ask_at_once(repository: Path, tmp_path: Path) -> None:
    root = write_system(tmp_path / "root")
    wanted = Wanted(("alpha", "gamma"), (source_line(repository).replace("file:", "copy:"),))

    def solve(_: int) -> str:
        return Apt(tmp_path / "cache", AptSystem(root, "amd64")).solve(wanted).text

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(solve, range(8)))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "deb-src https://example.org x main",
        "deb ssh://example.org/x ./",
        "deb cdrom:x ./",
        "deb https://example.org x\nDir::Etc x",
        "x",
        "",
    ],
)
def test_what_is_no_source(apt: Apt, line: str) -> None:
    with pytest.raises(InvalidInput):
        apt.solve(Wanted(("alpha",), (line,)))


def test_a_package_that_only_others_give(apt: Apt, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    write_deb(repository, "mawk", "1.0", fields={"Provides": "awk"})
    with pytest.raises(SolveFailed, match="awk is no package of its own"):
        apt.solve(Wanted(("awk",), (source_line(repository),)))


def test_a_deep_conflict_is_explained(apt: Apt, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    write_deb(repository, "top", "1.0", fields={"Depends": "middle"})
    write_deb(repository, "middle", "1.0", fields={"Depends": "bottom (>= 2)"})
    write_deb(repository, "bottom", "1.0")
    with pytest.raises(SolveFailed) as failed:
        apt.solve(Wanted(("top",), (source_line(repository),)))
    assert "middle : Depends: bottom (>= 2)" in failed.value.output


def test_the_step_for_an_image_compares_hashes_before_it_installs(apt: Apt, repository: Path) -> None:
    lock = apt.solve(Wanted(("alpha", "gamma"), (source_line(repository),)))
    [step] = apt.install_steps(lock)
    assert step.files["apt.packages"].splitlines() == ["alpha=2.0", "beta=1.0", "gamma=1.0"]
    assert step.files["apt.list"] == source_line(repository).replace("file:", "copy:") + "\n"
    order = [
        word
        for line in step.run
        for word in ("update", "--download-only", "sha256sum", "install $")
        if word in line
    ]
    assert order == ["update", "--download-only", "install $", "sha256sum", "install $"]
    for line in step.files["apt.sha256"].splitlines():
        name = line.split()[1]
        told = subprocess.run(["sha256sum", repository / name], capture_output=True, text=True, check=True)
        assert told.stdout.split()[0] == line.split()[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "beta"', 'name = "beta; reboot"'),
        ('version = "1.0"', 'version = "1.0 $(reboot)"'),
        ('architecture = "all"', 'architecture = "all\\n"'),
        ('sha256 = "', 'sha256 = "x'),
        ("deb [trusted=yes] file:/", "deb [trusted=yes] ssh:/"),
        ('name = "beta"', 'name = "alpha"'),
    ],
)
def test_a_lock_that_is_tampered_with_is_refused(apt: Apt, repository: Path, old: str, new: str) -> None:
    text = apt.solve(Wanted(("alpha", "beta=1.0"), (source_line(repository),))).text
    assert old in text
    with pytest.raises(Damaged):
        apt.parse(text.replace(old, new))


@pytest.mark.parametrize(
    ("first", "second", "order"),
    [
        ("1.0", "1.0", 0),
        ("1.0~rc1", "1.0", -1),
        ("1:0.1", "2.0", 1),
        ("1.0-1", "1.0-1+b1", -1),
        ("1.0a", "1.0+", -1),
        ("1.010", "1.9", 1),
        ("1.0", "1.0-0", 0),
        ("1.2-3-1", "1.2-3", 1),
    ],
)
def test_versions_are_ordered(first: str, second: str, order: int) -> None:
    found = debian.compare(first, second)
    assert (found > 0) - (found < 0) == order


def test_a_package_that_the_index_has_no_sha256_of_is_not_taken(repository: Path, apt: Apt) -> None:
    index = repository / "Packages"
    lines = index.read_text().splitlines(keepends=True)
    index.write_text("".join(line for line in lines if not line.startswith("SHA256")))
    with pytest.raises(SolveFailed, match=r"no SHA-256 of beta 2\.0"):
        apt.solve(Wanted(("beta",), (source_line(repository),)))


def test_what_apt_cannot_say_is_no_answer(apt: Apt, repository: Path, tmp_path: Path) -> None:
    lines = (source_line(repository),)
    assert apt.newest(["nosuch"], Wanted((), lines)) == {"nosuch": None}
    broken = tmp_path / "root/var/lib/dpkg/status"
    broken.unlink()
    broken.mkdir()
    with pytest.raises(Unavailable, match="apt says"):
        apt.newest(["beta"], Wanted((), lines))


@pytest.mark.parametrize(
    "address", ["https://ada:s3cret@example.org/debian", "https://token@example.org/debian"]
)
def test_a_source_with_a_password_is_refused(apt: Apt, address: str) -> None:
    with pytest.raises(InvalidInput, match="holds a password"):
        apt.solve(Wanted(("beta",), (f"deb {address} bookworm main",)))
