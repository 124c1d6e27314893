import json
import os
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from trailmark.environments.managers.model import SolveFailed, Wanted
from trailmark.environments.managers.r import R
from trailmark.errors import Damaged, InvalidInput, Unavailable
from trailmark.testing.r_repositories import write_r_package, write_r_repository


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return write_r_repository(tmp_path / "cran")


@pytest.fixture
def r(repository: Path, tmp_path: Path) -> R:
    return R(tmp_path / "cache", "4.2.2", repositories=[str(repository)])


class Counting(SimpleHTTPRequestHandler):
    asked: list[str]

    def __init__(self, *args: object, asked: list[str], **options: object) -> None:
        self.asked = asked
        super().__init__(*args, **options)  # type: ignore[arg-type]

    def log_message(self, format: str, *args: object) -> None:
        self.asked.append(self.path)


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def address(tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = partial(Counting, asked=asked, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _versions(r: R, wanted: Wanted) -> dict[str, str | None]:
    return {item.name: item.version for item in r.solve(wanted).items}


def test_the_lock_says_what_renv_wants_to_know(r: R, repository: Path) -> None:
    content = json.loads(r.solve(Wanted(("alpha",))).text)
    assert content["R"] == {"Version": "4.2.2", "Repositories": [{"Name": "CRAN", "URL": str(repository)}]}
    alpha = content["Packages"]["alpha"]
    assert (alpha["Package"], alpha["Version"], alpha["Source"], alpha["Repository"]) == (
        "alpha",
        "2.0",
        "Repository",
        "CRAN",
    )
    assert alpha["Imports"] == ["beta (>= 1.0)", "utils"]
    assert alpha["Requirements"] == ["beta", "utils"]


def test_the_version_of_r_counts(repository: Path, tmp_path: Path) -> None:
    old = R(tmp_path / "cache", "3.4.0", repositories=[str(repository)])
    assert _versions(old, Wanted(("beta",))) == {"beta": "1.0"}
    with pytest.raises(SolveFailed, match=r"delta 1.0 needs R \(>= 3.5\), and there is only R 3.4.0"):
        old.solve(Wanted(("delta",)))
    assert _versions(old, Wanted(("delta",), runtime="4.2.2")) == {"beta": "2.0", "delta": "1.0"}
    with pytest.raises(Unavailable, match="Which version of R the packages are for is not known"):
        R(tmp_path / "cache", repositories=[str(repository)]).solve(Wanted(("beta",)))
    with pytest.raises(InvalidInput, match="no version of R"):
        old.solve(Wanted(("beta",), runtime="4.2\n"))


def test_a_dated_snapshot_is_resolved_from(tmp_path: Path) -> None:
    write_r_package(tmp_path / "2024-05-01", "beta", "1.0")
    write_r_package(tmp_path / "latest", "beta", "2.0")
    r = R(tmp_path / "cache", "4.2.2", repositories=[str(tmp_path / "{snapshot}")])
    assert _versions(r, Wanted(("beta",))) == {"beta": "2.0"}
    lock = r.solve(Wanted(("beta",), snapshot="2024-05-01"))
    assert [item.version for item in lock.items] == ["1.0"]
    assert lock.items[0].source == str(tmp_path / "2024-05-01")
    assert r.outdated(lock) == {}
    with pytest.raises(Unavailable, match="no repository of R packages"):
        r.solve(Wanted(("beta",), snapshot="2023-01-01"))
    with pytest.raises(Unavailable, match="/cran keeps no dated snapshots"):
        R(tmp_path, "4.2.2", repositories=["/cran"]).solve(Wanted(("beta",), snapshot="2024-05-01"))


@pytest.mark.parametrize("ending", ["latest", "2024-04-01", "2024-04-01/"])
def test_the_day_is_put_into_an_address_that_ends_with_one(tmp_path: Path, ending: str) -> None:
    for folder, version in (("2024-05-01", "1.0"), ("2024-04-01", "0.9"), ("latest", "2.0")):
        write_r_package(tmp_path / folder, "beta", version)
    r = R(tmp_path / "cache", "4.2.2", repositories=[f"{tmp_path}/{ending}"])
    lock = r.solve(Wanted(("beta",), snapshot="2024-05-01"))
    assert [(item.version, str(item.source).rstrip("/")) for item in lock.items] == [
        ("1.0", str(tmp_path / "2024-05-01"))
    ]
    as_it_is = {"latest": "2.0"}.get(ending, "0.9")
    assert _versions(r, Wanted(("beta",))) == {"beta": as_it_is}


def test_older_versions_come_from_the_archive(r: R, repository: Path) -> None:
    assert "1.0" not in (repository / "src/contrib/PACKAGES").read_text().partition("Package: beta")[2][:40]
    lock = r.solve(Wanted(("beta==1.0",)))
    assert lock.items[0].hashes[0].startswith("md5:")
    assert _versions(r, Wanted(("beta<2",))) == {"beta": "1.0"}


def test_a_kept_version_stays_when_the_index_has_moved_on(r: R, repository: Path) -> None:
    before = r.solve(Wanted(("alpha",)))
    write_r_package(repository, "beta", "3.0")
    after = r.solve(Wanted(("alpha", "beta")), before)
    assert after.text == before.text
    assert r.outdated(before) == {"beta": "3.0"}


def test_several_repositories_count_together(r: R, repository: Path, tmp_path: Path) -> None:
    write_r_package(tmp_path / "lab", "mine", "0.1", fields={"Imports": "beta"})
    wanted = Wanted(("mine",), (str(repository), str(tmp_path / "lab")))
    lock = r.solve(wanted)
    assert {item.name: item.source for item in lock.items} == {
        "beta": str(repository),
        "mine": str(tmp_path / "lab"),
    }


def test_an_index_at_an_address_is_kept_for_an_hour(
    repository: Path, address: str, asked: list[str], tmp_path: Path
) -> None:
    r = R(tmp_path / "cache", "4.2.2", repositories=[f"{address}/cran"])
    assert _versions(r, Wanted(("alpha",))) == {"alpha": "2.0", "beta": "2.0"}
    assert any("PACKAGES" in line for line in asked) or asked
    asked.clear()
    assert _versions(r, Wanted(("alpha",))) == {"alpha": "2.0", "beta": "2.0"}
    assert asked == []
    assert _versions(r, Wanted(("alpha", "gamma"))) == {"alpha": "2.0", "beta": "1.0", "gamma": "1.0"}


def test_a_server_that_fails(address: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no repository of R packages"):
        R(tmp_path, "4.2.2", repositories=[f"{address}/nothing"]).solve(Wanted(("beta",)))
    with pytest.raises(Unavailable, match="could not be read"):
        R(tmp_path, "4.2.2", repositories=["http://127.0.0.1:9/"]).solve(Wanted(("beta",)))


@pytest.mark.parametrize(
    "repository", ["", "cran", "ftp://example.org", "https://ada:pass@example.org/x", "a\nb"]
)
def test_what_is_no_repository(tmp_path: Path, repository: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        R(tmp_path, "4.2.2", repositories=[repository]).solve(Wanted(("beta",)))
    assert "pass" not in str(refused.value).replace("password", "")


def test_no_repository_is_known(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="“r_repositories” in the settings"):
        R(tmp_path, "4.2.2").solve(Wanted(("beta",)))


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("ggplot2", "ggplot2"),
        ("ggplot2 (>= 3.4)", "ggplot2>=3.4"),
        ("ggplot2@3.4.0", "ggplot2==3.4.0"),
        ("ggplot2 >= 3.4, < 4", "ggplot2>=3.4,<4"),
        ("data.table=1.0-1", "data.table==1.0-1"),
    ],
)
def test_ways_to_write_a_requirement(r: R, written: str, normal: str) -> None:
    assert r.check(written) == normal


@pytest.mark.parametrize("requirement", ["stats", "R", "ggplot2>=", "ggplot2>=x", "9x", "x_y", "a"])
def test_what_cannot_be_asked_for(r: R, requirement: str) -> None:
    with pytest.raises(InvalidInput):
        r.check(requirement)


def test_versions_are_ordered_as_r_orders_them(r: R) -> None:
    assert r.meets("x1<1.0.0", "1.0")
    assert r.meets("x1>=1.9", "1.10")
    assert r.meets("x1==1.0.1", "1.0-1")
    assert not r.meets("x1!=1.0", "1.0")


def test_packages_from_elsewhere_are_kept_in_the_lock_and_not_installed(r: R) -> None:
    content = json.loads(r.solve(Wanted(("beta",))).text)
    content["Packages"]["beta"]["Source"] = "GitHub"
    lock = r.parse(json.dumps(content))
    assert lock.items[0].source == "GitHub"
    with pytest.raises(InvalidInput, match=r"beta in renv\.lock do not come from a repository"):
        r.install_steps(lock)


def test_a_lock_with_an_address_that_is_none_is_refused(r: R, repository: Path) -> None:
    text = r.solve(Wanted(("beta",))).text
    with pytest.raises(Damaged, match="address of a repository"):
        r.parse(text.replace(str(repository), "http://[x"))


def _run(r: R, wanted: Wanted, folder: Path) -> subprocess.CompletedProcess[str]:
    [step] = r.install_steps(r.solve(wanted))
    place = folder / "step"
    place.mkdir(exist_ok=True)
    (folder / "library").mkdir(exist_ok=True)
    for name, text in step.files.items():
        (place / name).write_text(text, encoding="utf-8")
    assert step.run == ("Rscript --vanilla install_r.R /var/cache/trailmark-r",)
    return subprocess.run(
        ["Rscript", "--vanilla", "install_r.R", str(folder / "kept")],
        cwd=place,
        env={**os.environ, "R_LIBS": str(folder / "library")},
        capture_output=True,
        text=True,
    )


@pytest.mark.needs("Rscript")
@pytest.mark.slow
def test_r_installs_the_lock(r: R, repository: Path, tmp_path: Path) -> None:
    done = _run(r, Wanted(("alpha", "gamma")), tmp_path)
    assert done.returncode == 0, done.stderr
    code = "cat(alpha::which_version(), beta::which_version(), gamma::which_version())"
    environ = {**os.environ, "R_LIBS": str(tmp_path / "library")}
    told = subprocess.run(["Rscript", "-e", code], env=environ, capture_output=True, text=True)
    assert told.stdout == "2.0 1.0 1.0"
    assert len(list((tmp_path / "kept").glob("*/*.tar.gz"))) == 3


@pytest.mark.needs("Rscript")
def test_r_does_not_install_another_file_than_the_locks(r: R, repository: Path, tmp_path: Path) -> None:
    lock = r.solve(Wanted(("gamma",), ()))
    file = repository / "src/contrib/Archive/beta/beta_1.0.tar.gz"
    file.write_bytes(file.read_bytes() + b"\0")
    [step] = r.install_steps(lock)
    (tmp_path / "step").mkdir()
    (tmp_path / "library").mkdir()
    for name, text in step.files.items():
        (tmp_path / "step" / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["Rscript", "--vanilla", "install_r.R", str(tmp_path / "kept")],
        cwd=tmp_path / "step",
        env={**os.environ, "R_LIBS": str(tmp_path / "library")},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "is not the file that the lock names" in done.stderr
    assert list((tmp_path / "library").iterdir()) == []


@pytest.mark.needs("Rscript")
def test_jupyter_finds_the_kernel_of_irkernel(r: R, tmp_path: Path) -> None:
    package, step = tmp_path / "library" / "IRkernel", tmp_path / "step"
    for name, text in (
        ("DESCRIPTION", "Package: IRkernel\nVersion: 1.3.2\n"),
        ("kernelspec/kernel.json", "{}"),
    ):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    [made] = r.install_steps(r.solve(Wanted(("beta",))))
    step.mkdir()
    (step / "install_r.R").write_text(made.files["install_r.R"])
    (step / "packages.tsv").write_text("IRkernel\t1.3.2\tx\tx\tx\n")
    subprocess.run(
        ["Rscript", "--vanilla", "install_r.R", str(tmp_path / "kept"), str(tmp_path / "kernels")],
        cwd=step,
        env={**os.environ, "R_LIBS": str(tmp_path / "library")},
        check=True,
    )
    assert (tmp_path / "kernels" / "ir" / "kernel.json").read_text() == "{}"


def _without_hashes(text: str) -> str:
    content = json.loads(text)
    for package in content["Packages"].values():
        del package["MD5sum"]
    return json.dumps(content)


def test_every_package_of_a_lock_has_the_hash_of_its_file(r: R, repository: Path) -> None:
    hashed = r.solve(Wanted(("alpha",)))
    index = repository / "src/contrib/PACKAGES"
    lines = index.read_text().splitlines(keepends=True)
    index.write_text("".join(line for line in lines if not line.startswith("MD5sum")))
    (repository / "src/contrib/PACKAGES.gz").unlink(missing_ok=True)
    assert r.solve(Wanted(("alpha",))).text == hashed.text
    assert r.solve(Wanted(("alpha",)), r.parse(_without_hashes(hashed.text))).text == hashed.text


def test_a_package_that_is_kept_from_the_archive_has_one_too(r: R) -> None:
    older = r.solve(Wanted(("beta==1.0",)))
    again = r.solve(Wanted(("beta==1.0",)), r.parse(_without_hashes(older.text)))
    assert again.text == older.text


def test_nothing_is_installed_without_a_hash(r: R) -> None:
    lock = r.solve(Wanted(("alpha",)))
    with pytest.raises(InvalidInput, match="no hash of alpha, beta"):
        r.install_steps(r.parse(_without_hashes(lock.text)))
    for planted in ("", "0" * 31, "0" * 32 + "\nevil\t1.0\t\thttps://example.org/evil.tar.gz\t"):
        content = json.loads(lock.text)
        content["Packages"]["beta"]["MD5sum"] = planted
        with pytest.raises(Damaged, match="MD5sum"):
            r.parse(json.dumps(content))
