import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailmark.environments.detect import Detected, FolderText, detect
from trailmark.environments.detect.conda import conda_specifier


def _packages(files: dict[str, str]) -> tuple[str, ...]:
    return detect(files).request.packages


def _notes(files: dict[str, str]) -> str:
    return "\n".join(detect(files).notes)


def _notebook(*sources: str | list[str], language: str = "python") -> str:
    cells = [{"cell_type": "code", "source": source} for source in sources]
    return json.dumps({"cells": cells, "metadata": {"kernelspec": {"language": language}}, "nbformat": 4})


def test_an_empty_repository_asks_for_nothing() -> None:
    assert detect({}) == Detected(detect({}).request, (), ())
    assert _packages({"README.md": "hello"}) == ()


class TestRequirements:
    def test_comments_options_and_continuations(self) -> None:
        text = (
            "\ufeff# the packages\n"
            "numpy >= 1.20, \\\n  < 3   # arrays\n"
            "pandas[excel]==2.1 --hash=sha256:00 \\\n --hash=sha256:11\n"
            "--index-url https://example.org/simple\n"
            "scipy; python_version >= '3.8'\n"
            "git+https://example.org/x.git@v1#egg=own-tool\n"
            "git+https://example.org/y.git\n"
            "-e .\n./wheels/z.whl\n-c limits.txt\n"
            "what is this\n"
        )
        files = {"requirements.txt": text}
        assert _packages(files) == (
            "numpy<3,>=1.20",
            "pandas[excel]==2.1",
            'scipy; python_version >= "3.8"',
            "own-tool @ git+https://example.org/x.git@v1",
        )
        notes = _notes(files)
        for word in ("--index-url", "y.git", "“.”", "z.whl", "limits.txt", "what is this"):
            assert word in notes
        assert detect(files).sources == ("requirements.txt",)

    def test_files_are_included_but_not_in_circles(self) -> None:
        files = {
            "requirements.txt": "-r requirements/base.txt\n--requirement=requirements/gone.txt\nnumpy\n",
            "requirements/base.txt": "scipy\n-r ../requirements.txt\n-r more.txt",
            "requirements/more.txt": "pandas",
        }
        assert _packages(files) == ("scipy", "pandas", "numpy")
        assert "requirements/gone.txt" in _notes(files)

    def test_nothing_outside_the_repository_is_read(self) -> None:
        assert "../../etc/passwd" in _notes({"requirements.txt": "-r ../../etc/passwd"})


class TestProjectFiles:
    def test_standard_pyproject(self) -> None:
        text = (
            '[project]\nname = "x"\nrequires-python = ">=3.10"\ndependencies = ["numpy", "bad one"]\n'
            '[project.optional-dependencies]\nplot = ["matplotlib"]\n[dependency-groups]\ndev = ["pytest"]\n'
        )
        found = detect({"pyproject.toml": text})
        assert found.request.packages == ("numpy",)
        assert found.request.python == ">=3.10"
        assert "plot" in "\n".join(found.notes)
        assert "dev" in "\n".join(found.notes)
        assert "bad one" in "\n".join(found.notes)

    def test_poetry(self) -> None:
        text = (
            '[tool.poetry.dependencies]\npython = "^3.9"\nnumpy = "^1.21.3"\nscipy = "~1.7"\npandas = "*"\n'
            'small = "^0.2.3"\nexact = "1.0"\nrange = ">=1,<2"\nmine = {path = "../mine"}\n'
            'extra = {version = "^2", extras = ["a", "b"], markers = "os_name == \'posix\'"}\n'
            'tool = {git = "https://example.org/t.git", tag = "v1"}\nsplit = [{version = "1"}, {version = "2"}]\n'
            '[tool.poetry.group.dev.dependencies]\npytest = "*"\n'
        )
        found = detect({"pyproject.toml": text})
        assert found.request.python == "<4,>=3.9"
        assert found.request.packages == (
            "numpy<2,>=1.21.3",
            "scipy<1.8,>=1.7",
            "pandas",
            "small<0.3,>=0.2.3",
            "exact==1.0",
            "range<2,>=1",
            'extra[a,b]<3,>=2; os_name == "posix"',
            "tool @ git+https://example.org/t.git@v1",
            "split",
        )
        assert "mine" in "\n".join(found.notes)
        assert "dev" in "\n".join(found.notes)

    def test_pipfile_setup_cfg_and_setup_py(self) -> None:
        pipfile = (
            '[packages]\nnumpy = "==1.2"\npandas = {version = "*"}\n[requires]\npython_version = "3.10"\n'
        )
        assert detect({"Pipfile": pipfile}).request.packages == ("numpy==1.2", "pandas")
        assert detect({"Pipfile": pipfile}).request.python == "==3.10.*"
        config = (
            "[options]\npython_requires = >=3.8\ninstall_requires =\n    numpy>=1\n    # note\n    scipy\n"
        )
        assert _packages({"setup.cfg": config}) == ("numpy>=1", "scipy")
        script = "from setuptools import setup\nsetup(install_requires=['numpy', 'scipy>1'], python_requires='>=3.8')"
        assert _packages({"setup.py": script}) == ("numpy", "scipy>1")
        worked_out = "setup(install_requires=open('requirements.txt').read().splitlines())"
        assert "worked out" in _notes({"setup.py": worked_out})

    def test_the_first_source_wins_and_others_are_noted(self) -> None:
        files = {
            "pyproject.toml": '[project]\ndependencies = ["numpy>=2"]',
            "requirements.txt": "numpy==1.9\nscipy\n",
        }
        assert _packages(files) == ("numpy>=2", "scipy")
        assert "numpy==1.9" in _notes(files)
        assert detect(files).sources == ("pyproject.toml", "requirements.txt")


class TestConda:
    def test_names_versions_and_pip(self) -> None:
        text = (
            "name: x\nchannels: [conda-forge]\ndependencies:\n"
            "  - python=3.10\n  - numpy=1.21\n  - pandas==2.1.0\n  - conda-forge::scipy >=1.7,<2\n"
            "  - pytorch=2.0.1=cuda\n  - matplotlib-base\n  - cudatoolkit=11\n  - r-ggplot2\n"
            "  - strange-conda-thing\n"
            "  - xarray 2023.*\n  - dask=1|2\n  - pip\n  - pip:\n    - emcee>=3\n    - -r more.txt\n    - ./local\n"
        )
        found = detect({"environment.yml": text})
        assert found.request.python == "==3.10.*"
        assert found.request.packages == (
            "numpy==1.21.*",
            "pandas==2.1.0",
            "scipy<2,>=1.7",
            "torch==2.0.1",
            "matplotlib",
            "xarray==2023.*",
            "dask",
            "emcee>=3",
        )
        notes = "\n".join(found.notes)
        for word in ("r-ggplot2", "strange-conda-thing", "1|2", "more.txt", "./local"):
            assert word in notes
        assert "cudatoolkit" not in notes

    def test_the_binder_folder_counts(self) -> None:
        assert _packages({"binder/environment.yaml": "dependencies: [numpy]"}) == ("numpy",)

    @pytest.mark.parametrize(
        ("written", "specifier"),
        [
            ("", ""),
            ("=1.2", "==1.2.*"),
            ("=1.2.*", "==1.2.*"),
            ("==1.2", "==1.2"),
            (" 1.2", "==1.2"),
            (" 1.2 py39_0", "==1.2"),
            ("=1.2=py39_0", "==1.2"),
            (" >= 1.2 , < 3", ">=1.2,<3"),
            ("[version='>=1.2']", ">=1.2"),
            ("=1|2", None),
            ("[build=x]", None),
        ],
    )
    def test_versions(self, written: str, specifier: str | None) -> None:
        assert conda_specifier(written) == specifier


class TestImports:
    def test_scripts_and_notebooks(self) -> None:
        files = {
            "code/fit.py": (
                "import os, numpy as np\nfrom sklearn.linear_model import Ridge\nimport cv2\n"
                "from . import sibling\nimport helpers\nfrom code.tools import x\nimport google.cloud.storage\n"
                "try:\n    import yaml\nexcept ImportError:\n    yaml = None\n"
            ),
            "code/helpers.py": "import pandas.testing",
            "code/tools/__init__.py": "",
            "a.ipynb": _notebook(
                ["%matplotlib inline\n", "import matplotlib.pyplot as plt\n"],
                "!pip install -q emcee==3.1 'corner' -r x.txt\nimport emcee\n!ls\nemcee?\n",
                "%%bash\nimport nothing",
                "%%time\nimport scipy.stats",
                "import mpl_toolkits.basemap\nfrom PIL import Image\nfrom IPython.display import display",
            ),
        }
        assert set(_packages(files)) == {
            "emcee==3.1",
            "corner",
            "numpy",
            "scikit-learn",
            "opencv-python",
            "google-cloud-storage",
            "pyyaml",
            "pandas",
            "matplotlib",
            "scipy",
            "basemap",
            "pillow",
        }
        assert detect(files).sources == ("imports",)

    def test_a_name_that_is_not_well_known_is_noted_not_asked_for(self) -> None:
        files = {"a.py": "import our_internal_thing\nimport numpy"}
        assert _packages(files) == ("numpy",)
        assert "our_internal_thing" in _notes(files)

    def test_code_of_another_python_is_read_by_line(self) -> None:
        assert _packages(
            {"old.py": "print 'x'\nimport numpy, scipy as sp\nfrom pandas import DataFrame\n"}
        ) == (
            "numpy",
            "pandas",
            "scipy",
        )

    def test_other_languages_and_broken_notebooks_are_noted(self) -> None:
        julia = _notebook("using Plots", language="julia")
        notes = _notes({"j.ipynb": julia, "b.ipynb": "{", "c.ipynb": "[]"})
        assert "notebook in julia" in notes
        assert "b.ipynb" in notes
        assert "c.ipynb" in notes

    def test_declared_packages_make_imports_a_remark(self) -> None:
        files = {"requirements.txt": "numpy", "a.py": "import numpy, pandas"}
        assert _packages(files) == ("numpy",)
        assert "pandas" in _notes(files)

    def test_other_managers_are_noted(self) -> None:
        notes = _notes({"renv.lock": "{}", "apt.txt": "FFmpeg!", "Project.toml": ""})
        assert all(name in notes for name in ("renv.lock", "apt.txt", "Project.toml"))

    def test_python_is_taken_from_where_it_stands(self) -> None:
        assert detect({".python-version": "3.10.4\n"}).request.python == "==3.10.*"
        assert detect({"runtime.txt": "python-3.12"}).request.python == "==3.12.*"
        assert detect({".python-version": "myenv\n"}).request.python == ">=3.11"


def test_a_folder_is_read_without_links_or_environments(tmp_path: Path) -> None:
    for path in (
        "requirements.txt",
        "code/a.py",
        "venv/b.py",
        ".git/c.py",
        ".binder/environment.yml",
        "data.csv",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("numpy\n" if path.endswith(".txt") else "")
    (tmp_path / "secret.py").symlink_to("/etc/passwd")
    (tmp_path / "broken.py").write_bytes(b"\xff\xfe import numpy")
    files = FolderText(tmp_path)
    assert set(files) == {"requirements.txt", "code/a.py", ".binder/environment.yml", "broken.py"}
    assert len(files) == 4
    assert "../etc/passwd" not in files
    assert detect(files).request.packages == ("numpy",)


_FILES = """requirements.txt pyproject.toml environment.yml Pipfile setup.cfg setup.py a.py b.ipynb runtime.txt
    .python-version binder/requirements.txt"""
_NAMES = st.sampled_from(_FILES.split())
_WORDS = """numpy requirements.txt == [ ] { } " ' dependencies: [project] [tool.poetry.dependencies] ^1.2 python = , ;
    [options] install_requires setup( ) pip: *a @ git+https:// #egg= packages markers 2024-13-99 1e999 :: | version
    extras os_name"""
_PIECES = st.sampled_from(
    [
        *_WORDS.split(),
        *("\n", "\\\n", "\t", "  ", ": ", "- ", "-r ", "import ", "from ", "%%", "!pip install ", "&a "),
        *("dependencies = ", "!!python/object:os.system ", "\x00", "\ud800", "9" * 30, "9" * 5000),
        *('{"cells": [', '{"cell_type": "code", "source": '),
    ]
)
_TEXT = st.one_of(st.text(max_size=120), st.lists(_PIECES, max_size=25).map("".join))


@given(st.dictionaries(_NAMES, _TEXT, max_size=4))
def test_any_repository_gives_a_request(files: dict[str, str]) -> None:
    found = detect(files)
    assert len(found.request.packages) == len(set(found.request.packages))


_TREE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _PIECES | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["dependencies", "pip", "cells", "source", "metadata"]), inner, max_size=4
        )
    ),
    max_leaves=15,
)


@given(_TREE)
def test_any_tree_in_yaml_or_a_notebook_gives_a_request(tree: object) -> None:
    text = json.dumps(tree)
    detect({"environment.yml": text, "a.ipynb": text, "Pipfile": text})
    detect({"environment.yml": json.dumps({"dependencies": tree}), "a.ipynb": json.dumps({"cells": tree})})


def test_nested_aliases_and_deep_trees_are_harmless() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{c}: &{c} [*{p}, *{p}]\n" for p, c in zip("abcdefghijklmno", "bcdefghijklmnop", strict=True)
    )
    detect({"environment.yml": bomb + "dependencies: *p\n"})
    detect({"environment.yml": "[" * 20000, "pyproject.toml": "a = " + "[" * 20000, "a.py": "(" * 20000})
    detect({"a.ipynb": "[" * 100000, "b.py": "-" * 100000 + "1"})
