import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from trailmark.environments.detect import FolderText, detect
from trailmark.environments.detect.beyond import Beyond, look_beyond
from trailmark.environments.managers.model import Wanted

RENV = {
    "R": {
        "Version": "4.1.3",
        "Repositories": [{"Name": "CRAN", "URL": "https://example.org/cran/2022-06-01"}],
    },
    "Packages": {
        "ggplot2": {
            "Package": "ggplot2",
            "Version": "3.3.6",
            "Source": "Repository",
            "Repository": "CRAN",
            "Requirements": ["R", "rlang", "grid"],
            "Hash": "0fb26d0674c82705c6b701d1a61e02ea",
        },
        "rlang": {"Package": "rlang", "Version": "1.0.2", "Source": "Repository", "Repository": "CRAN"},
        "renv": {"Package": "renv", "Version": "0.15.5", "Source": "Repository", "Repository": "CRAN"},
        "mine": {"Package": "mine", "Version": "0.1", "Source": "GitHub", "RemoteUsername": "ada"},
    },
}


def test_an_renv_lock_asks_for_what_nothing_else_in_it_needs_and_is_kept_to() -> None:
    text = json.dumps(RENV)
    found = look_beyond({"renv.lock": text})
    assert found.wanted == {
        "r": Wanted(("ggplot2==3.3.6",), ("https://example.org/cran/{snapshot}",), "2022-06-01", "4.1.3")
    }
    assert found.locks == {"r": text}
    assert found.sources == ("renv.lock",)
    assert any("mine comes from GitHub" in note for note in found.notes)


def test_an_renv_lock_without_a_day_leaves_the_repository_to_the_installation() -> None:
    repositories = [
        {"Name": "CRAN", "URL": "https://example.org"},
        {"Name": "lab", "URL": "https://lab.example.org"},
    ]
    text = json.dumps({**RENV, "R": {"Version": "4.1.3", "Repositories": repositories}})
    found = look_beyond({"renv.lock": text})
    assert (found.wanted["r"].channels, found.wanted["r"].snapshot) == ((), None)
    assert any("the repository lab" in note for note in found.notes)


def test_a_description_is_read() -> None:
    text = """Package: paper
Depends: R (>= 3.5), methods
Imports:
    dplyr (>= 1.0.0),
    utils, R6, 9odd
LinkingTo: Rcpp
Suggests: testthat
Remotes: ada/mine
"""
    found = look_beyond({"DESCRIPTION": text})
    assert found.wanted["r"].requirements == ("dplyr>=1.0.0", "R6", "Rcpp")
    notes = "\n".join(found.notes)
    assert "it wants R (>= 3.5)" in notes
    assert "9odd" in notes
    assert "only suggests" in notes
    assert "ada/mine" in notes


def test_an_install_script_is_read_not_run() -> None:
    text = """
# install.packages("commented")
install.packages("ggplot2")
install.packages(c("dplyr", 'tidyr'), repos = "https://example.org", dependencies = c("Depends"))
install.packages(pkgs = c("readr"))
remotes::install_version("sf", version = "1.0-8")
devtools::install_version("sp", "1.5-0")
devtools::install_github("ada/mine")
BiocManager::install("limma")
install.packages(wanted)
install.packages("stats")
"""
    found = look_beyond({"binder/install.R": text})
    assert found.wanted["r"].requirements == ("ggplot2", "dplyr", "tidyr", "readr", "sf==1.0-8", "sp==1.5-0")
    notes = "\n".join(found.notes)
    assert "ada/mine" in notes
    assert "limma" in notes
    assert "worked out when it is run" in notes
    assert "binder/install.R" in notes


def test_an_apt_file_is_read() -> None:
    found = look_beyond({"apt.txt": "# tools\nffmpeg  libgdal-dev=3.6*\n\n curl # fetches\n-y\nBad!\n"})
    assert found.wanted == {"apt": Wanted(("ffmpeg", "libgdal-dev=3.6*", "curl"))}
    assert len(found.notes) == 2


def test_binders_runtime_gives_the_day_and_the_version_of_r() -> None:
    files = {".binder/install.R": "install.packages('dplyr')", ".binder/runtime.txt": "r-4.1-2021-11-01\n"}
    assert look_beyond(files).wanted["r"] == Wanted(("dplyr",), (), "2021-11-01", "4.1")
    files[".binder/runtime.txt"] = "r-2021-11-01"
    assert look_beyond(files).wanted["r"] == Wanted(("dplyr",), (), "2021-11-01")
    files[".binder/runtime.txt"] = "r-2021-99-01"
    assert look_beyond(files).wanted["r"].snapshot is None


def test_binders_python_counts() -> None:
    files = {"binder/runtime.txt": "python-3.10\n", "binder/requirements.txt": "numpy\n"}
    detected = detect(files)
    assert detected.request.python == "==3.10.*"
    assert detected.request.packages == ("numpy",)


def test_what_binder_would_run_is_named() -> None:
    files = {
        "binder/postBuild": "jupyter lab build",
        "binder/start": "exec $@",
        "start": "not Binder's",
        "Project.toml": "",
    }
    notes = look_beyond(files).notes
    assert [note.partition(":")[0] for note in notes] == ["binder/postBuild", "binder/start", "Project.toml"]


def test_binders_folder_counts_before_the_root() -> None:
    files = {"binder/apt.txt": "curl", "apt.txt": "wget"}
    assert look_beyond(files).wanted["apt"].requirements == ("curl",)


def test_the_strongest_file_for_r_counts_and_the_others_are_named() -> None:
    files = {
        "renv.lock": json.dumps(RENV),
        "DESCRIPTION": "Imports: sf\n",
        "install.R": "install.packages('sp')",
    }
    found = look_beyond(files)
    assert found.wanted["r"].requirements == ("ggplot2==3.3.6",)
    assert {"install.R is not used", "DESCRIPTION is not used"} <= {
        note.partition(", ")[0].partition(": ")[2] for note in found.notes if "not used" in note
    }


def test_a_damaged_lock_leaves_the_next_file_to_count() -> None:
    found = look_beyond({"renv.lock": "{", "DESCRIPTION": "Imports: sf\n"})
    assert found.wanted["r"].requirements == ("sf",)
    assert any("renv.lock" in note for note in found.notes)


def test_what_is_asked_of_conda_itself_is_known_too() -> None:
    text = """
channels: [conda-forge, defaults]
dependencies:
  - python=3.10
  - gdal>=3.5
  - r-ggplot2
  - pip
  - pip: [einops]
"""
    detected = detect({"environment.yml": text})
    assert detected.beyond.conda is not None
    assert detected.beyond.conda.wanted == Wanted(("python=3.10", "gdal>=3.5", "r-ggplot2"), ("conda-forge",))
    assert detected.beyond.conda.pip == ("einops",)
    assert "einops" in detected.request.packages


def test_a_whole_binder_folder(tmp_path: Path) -> None:
    files = {
        "binder/environment.yml": "dependencies: [numpy]\n",
        "binder/apt.txt": "ffmpeg\n",
        "binder/install.R": 'install.packages("sf")\n',
        "binder/runtime.txt": "r-2023-01-01\n",
        "binder/postBuild": "true\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    detected = detect(FolderText(tmp_path))
    assert detected.request.packages == ("numpy",)
    assert detected.beyond.wanted == {"apt": Wanted(("ffmpeg",)), "r": Wanted(("sf",), (), "2023-01-01")}
    assert {"binder/environment.yml", "binder/apt.txt", "binder/install.R"} <= set(detected.sources)
    assert any(note.startswith("binder/postBuild") for note in detected.notes)


def test_nothing_is_asked_of_nobody() -> None:
    assert look_beyond({}) == Beyond()
    assert detect({}).beyond == Beyond()


NAMES = (
    "renv.lock",
    "install.R",
    "DESCRIPTION",
    "apt.txt",
    "runtime.txt",
    "environment.yml",
    "binder/install.R",
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.text(max_size=200)
        | st.from_regex(r"(install\.packages|install_version)\([c(\"', a-z=)#\n]{0,40}")
        | st.from_regex(r"(Imports|Depends|dependencies|channels): .{0,60}"),
    )
)
def test_any_files_are_read_without_a_traceback(files: dict[str, str]) -> None:
    assert isinstance(look_beyond(files), Beyond)
