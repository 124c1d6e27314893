"""What R says of itself, and packages from the repositories that it names."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from trailmark.environments.managers import r_own
from trailmark.environments.managers.model import Wanted
from trailmark.environments.managers.r import R
from trailmark.environments.managers.r_own import OwnR, OwnRs
from trailmark.errors import Unavailable
from trailmark.progress import NullProgress, Progress
from trailmark.testing.archives import make_tar
from trailmark.testing.r_repositories import write_r_package, write_r_repository

PROGRESS = NullProgress()


def refuse(image: str, first: Sequence[str], paths: Sequence[str], progress: Progress) -> Mapping[str, bytes]:
    """Read no image: there is no engine."""
    raise Unavailable("No docker engine answers.")


def at_hand(profile: str, folder: Path, **environ: str) -> OwnRs:
    """Return what asks the R of this machine, which starts with a profile of ours."""
    path = folder / "Rprofile.site"
    path.write_text(f"{profile}\n", encoding="utf-8")
    return OwnRs(folder / "own", {**os.environ, "R_PROFILE": str(path), **environ}, refuse)


@pytest.mark.needs("Rscript")
class TestAtHand:
    def test_packages_come_from_the_repositories_that_r_names(self, tmp_path: Path) -> None:
        cran, lab = write_r_repository(tmp_path / "cran"), tmp_path / "lab"
        write_r_package(lab, "mine", "0.1", fields={"Imports": "beta"})
        own = at_hand(
            f'cat("Hello\\n"); options(repos = c(CRAN = "{cran.as_uri()}", lab = "{lab.as_uri()}"))', tmp_path
        )
        r = R(tmp_path / "cache", own=own)
        lock = r.solve(Wanted(("mine", "gamma")))
        assert {item.name: (item.version, item.source) for item in lock.items} == {
            "beta": ("1.0", cran.as_uri()),
            "gamma": ("1.0", cran.as_uri()),
            "mine": ("0.1", lab.as_uri()),
        }
        assert lock.runtime == own(None, PROGRESS).version
        assert r.search("alp") == ["alpha"]
        assert r.versions("alpha") == ["2.0", "1.0"]
        assert r.newest(["beta"]) == {"beta": "2.0"}

    def test_where_nobody_chose_it_is_the_first_that_r_lists(self, tmp_path: Path) -> None:
        own = at_hand('options(repos = c(CRAN = "@CRAN@", more = "file:///more"))', tmp_path)
        first, *others = own(None, PROGRESS).repositories
        assert first.startswith("http")
        assert others == ["file:///more"]

    def test_a_repository_of_a_day_is_taken_on_the_day_that_is_asked_for(self, tmp_path: Path) -> None:
        write_r_package(tmp_path / "cran" / "2024-05-01", "beta", "1.0")
        write_r_package(tmp_path / "cran" / "2026-02-01", "beta", "2.0")
        address = (tmp_path / "cran" / "2026-02-01").as_uri()
        r = R(tmp_path / "cache", own=at_hand(f'options(repos = c(CRAN = "{address}"))', tmp_path))
        assert [one.version for one in r.solve(Wanted(("beta",))).items] == ["2.0"]
        assert [one.version for one in r.solve(Wanted(("beta",), snapshot="2024-05-01")).items] == ["1.0"]

    def test_one_without_days_says_so(self, tmp_path: Path) -> None:
        cran = write_r_repository(tmp_path / "cran")
        own = at_hand(f'options(repos = c(CRAN = "{cran.as_uri()}"))', tmp_path)
        with pytest.raises(
            Unavailable, match=r"cran keeps no dated snapshots.*with \{snapshot\} in.*“channels” under"
        ):
            R(tmp_path / "cache", own=own).solve(Wanted(("beta",), snapshot="2024-05-01"))

    def test_a_profile_of_trailmarks_own_is_not_what_the_person_has(self, tmp_path: Path) -> None:
        mine = tmp_path / "mine.R"
        mine.write_text("options(repos = c(CRAN = 'file:///mine'))\n", encoding="utf-8")
        own = at_hand('stop("recorded")', tmp_path, TRAILMARK_R_PROFILE=str(mine), TRAILMARK_R="x")
        assert own(None, PROGRESS).repositories == ("file:///mine",)

    def test_r_that_names_none(self, tmp_path: Path) -> None:
        own = at_hand("options(repos = character())", tmp_path)
        with pytest.raises(Unavailable, match="names no repository"):
            R(tmp_path / "cache", own=own).solve(Wanted(("beta",)))

    def test_a_repository_that_does_not_answer(self, tmp_path: Path) -> None:
        own = at_hand('options(repos = c(CRAN = "http://127.0.0.1:9"))', tmp_path)
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9 could not be read: \[Errno.*“r_repositories”"):
            R(tmp_path / "cache", own=own).solve(Wanted(("beta",)))

    def test_r_that_does_not_start(self, tmp_path: Path) -> None:
        own = at_hand('quit("no", 3)', tmp_path)
        with pytest.raises(
            Unavailable, match=r"Which version of R .* is not known: R does not answer.*install R"
        ):
            R(tmp_path / "cache", own=own).solve(Wanted(("beta",)))


class Image:
    """An image with an R that names one repository; counts how often it is asked."""

    def __init__(self, *lines: str) -> None:
        self.text = "".join(f"trailmark-r {line}\n" for line in lines)
        self.asked: list[str] = []

    def read(
        self, image: str, first: Sequence[str], paths: Sequence[str], progress: Progress
    ) -> Mapping[str, bytes]:
        """Give the answer that R wrote."""
        assert (first[0], first[-1]) == ("Rscript", paths[0])
        self.asked.append(image)
        return {paths[0]: make_tar({"trailmark-r": self.text})}


def test_an_image_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image("4.5.2", "https://example.org/cran/2026-02-01")
    pinned, named = f"r@sha256:{'0' * 64}", "r:latest"
    for _ in range(2):
        own = OwnRs(tmp_path, {}, image.read)
        for name in (pinned, named):
            assert own(name, PROGRESS) == OwnR("4.5.2", ("https://example.org/cran/2026-02-01",))
    assert image.asked == [pinned, named]
    monkeypatch.setattr(r_own, "_FRESH_SECONDS", -1.0)
    for name in (pinned, named):
        OwnRs(tmp_path, {}, image.read)(name, PROGRESS)
    assert image.asked == [pinned, named, named]


def test_packages_for_a_base_come_from_where_its_own_r_looks(tmp_path: Path) -> None:
    write_r_package(tmp_path / "2024-05-01", "beta", "1.0")
    image = Image("4.5.2", f"{tmp_path.as_uri()}/2026-02-01")
    r = R(tmp_path / "cache", own=OwnRs(tmp_path / "own", {}, image.read))
    lock = r.solve(Wanted(("beta",), snapshot="2024-05-01", runtime="4.1.0", image="base:1"))
    assert [(one.version, one.source) for one in lock.items] == [("1.0", f"{tmp_path.as_uri()}/2024-05-01")]
    assert (lock.runtime, image.asked) == ("4.1.0", ["base:1"])


@pytest.mark.parametrize("lines", [(), ("no version",), ("",)])
def test_an_image_that_says_nothing_of_use(tmp_path: Path, lines: tuple[str, ...]) -> None:
    own = OwnRs(tmp_path, {}, Image(*lines).read)
    with pytest.raises(Unavailable, match="R does not answer"):
        own("base:1", PROGRESS)
    assert list(tmp_path.iterdir()) == []


def test_without_r_and_without_an_engine_it_is_said_what_to_set(tmp_path: Path) -> None:
    r = R(tmp_path / "cache", own=OwnRs(tmp_path, {"PATH": str(tmp_path)}, refuse))
    with pytest.raises(Unavailable, match=r"this machine has no R.*Choose a base that has R"):
        r.solve(Wanted(("beta",)))
    with pytest.raises(Unavailable, match=r"No docker engine answers.*“channels” under \[environment.r\]"):
        r.solve(Wanted(("beta",), runtime="4.2.2", image="base:1"))
