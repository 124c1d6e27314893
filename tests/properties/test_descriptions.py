"""Whatever stands in a file that describes an environment for another tool: it is taken in or clearly refused."""

import json
import re
from pathlib import Path

import pytest
import tomlkit
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.properties.test_package_managers import ANY_TEXT, ANY_VALUE, MANAGERS, VALID, places

from trailmark.environments.managers.protocol import PackageManager
from trailmark.environments.whole.model import OTHERS, WholeRequest
from trailmark.errors import InvalidInput
from trailmark.projects.take_in import TakenIn, read_description, take_in

MANY = settings(
    max_examples=1000,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
    ],
)
BY_NAME: dict[str, PackageManager] = {manager.name: manager for manager in MANAGERS}
OTHER_MANAGERS = {name: BY_NAME[name] for name in OTHERS}
PYPROJECT = {
    "project": {
        "name": "field",
        "dependencies": ["numpy>=1", "pandas[excel]==2.1 ; python_version > '3.8'"],
        "requires-python": ">=3.11",
        "dynamic": ["version"],
        "optional-dependencies": {"test": ["pytest"]},
    },
    "dependency-groups": {"dev": ["ruff"]},
    "tool": {
        "poetry": {"dependencies": {"python": "^3.11", "flask": "~2.0", "x": {"git": "https://e.org/x"}}}
    },
}
CONDA = {
    "name": "field",
    "channels": ["conda-forge", "defaults"],
    "dependencies": [
        "python=3.11",
        "numpy>=1",
        "conda-forge::gdal=3.8=py*",
        {"pip": ["six==1.16", "-r x.txt"]},
    ],
    "variables": {"A": "1"},
}
PIPFILE = {
    "packages": {"numpy": "*", "x": {"version": ">=1", "extras": ["y"], "markers": "os_name == 'posix'"}},
    "dev-packages": {"pytest": "*"},
    "requires": {"python_version": "3.11"},
}
SAMPLES = {
    "requirements.txt": "# needs\nnumpy>=1,<3 ; python_version > '3.8'\n-r more.txt\n-e .\npandas[excel]==2.1 \\\n"
    " --hash=sha256:00\ngit+https://example.org/x.git@v1#egg=x\n--index-url https://example.org\nsix\n",
    "environment.yml": yaml.safe_dump(CONDA),
    "renv.lock": json.dumps(VALID["r"]),
    "DESCRIPTION": "Package: field\nVersion: 1.0\nDepends: R (>= 4.0), ggplot2\nImports: dplyr (>= 1.0),\n    tidyr\n"
    "Suggests: testthat\nRemotes: someone/else\n",
    "pyproject.toml": tomlkit.dumps(PYPROJECT),
    "apt.txt": "# system\ngdal-bin libproj-dev=9.1*\ntree\n",
    "Pipfile": tomlkit.dumps(PIPFILE),
    "setup.cfg": "[options]\ninstall_requires =\n    numpy>=1\n    six\npython_requires = >=3.11\n",
    "setup.py": "from setuptools import setup\nsetup(install_requires=['numpy>=1'], python_requires='>=3.11')\n",
    "install.R": 'install.packages(c("ggplot2", "dplyr"), repos = "x")\nremotes::install_version("tidyr", "1.0")\n',
    "runtime.txt": "r-4.2-2023-05-01\n",
}
STRUCTURED = {
    "pyproject.toml": (PYPROJECT, tomlkit.dumps),
    "environment.yml": (CONDA, yaml.safe_dump),
    "renv.lock": (VALID["r"], json.dumps),
    "Pipfile": (PIPFILE, tomlkit.dumps),
}
LISTED = tuple(SAMPLES)
WORDS = st.sampled_from(
    [
        "-r",
        "-r requirements.txt",
        "-e",
        "@",
        "==",
        ";",
        "(",
        "[",
        "]",
        "${A}",
        "\\\n",
        "\0",
        "\x1b[2J",
        "é",
        "∞",
        "../",
    ]
)


@st.composite
def torn(draw: st.DrawFn, name: str) -> bytes:
    """A valid file with a piece taken out, doubled, or something put between."""
    text = SAMPLES[name].encode()
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 60)))
    between = (
        st.sampled_from([b"", text[start:end] * 2])
        | (WORDS | ANY_TEXT).map(str.encode)
        | st.binary(max_size=20)
    )
    return text[:start] + draw(between) + text[end:]


@st.composite
def mended_wrong(draw: st.DrawFn, name: str) -> bytes:
    """A file in which one value is another or is gone."""
    sample, render = STRUCTURED[name]
    content = json.loads(json.dumps(sample))
    *parents, last = draw(st.sampled_from([place for place in places(content) if place]))
    table = content
    for key in parents:
        table = table[key]
    if draw(st.booleans()):
        table[last] = draw(ANY_VALUE)
    else:
        del table[last]
    try:
        return str(render(content)).encode()
    except (TypeError, ValueError):  # what the format cannot say
        return b"?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("given")


def is_taken_in_or_refused(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    path.write_bytes(data)
    detected = read_description(path)
    for conda in (False, True):
        outcome = taken_or_refused(detected, conda=conda)
        if isinstance(outcome, InvalidInput):
            assert 0 < len(str(outcome)) < 20_000
            continue
        for each, wanted in outcome.request.others.items():
            assert all(BY_NAME[each].check(text) for text in wanted.requirements)
    assert all(
        re.match(rf"{re.escape(name)}(: | asks for )|imports: |the code ", note) for note in detected.notes
    ), detected.notes


def taken_or_refused(detected: object, *, conda: bool) -> TakenIn | InvalidInput:
    try:
        return take_in(WholeRequest(), detected, OTHER_MANAGERS, conda=conda, python=True)  # type: ignore[arg-type]
    except InvalidInput as error:
        return error


@pytest.mark.parametrize("name", [name for name in LISTED if name != "runtime.txt"])
def test_the_samples_are_taken_in(folder: Path, name: str) -> None:
    (folder / name).write_text(SAMPLES[name])
    assert isinstance(taken_or_refused(read_description(folder / name), conda=False), TakenIn)


@pytest.mark.parametrize("name", LISTED)
@MANY
@given(data=st.data())
def test_a_torn_file_is_taken_in_or_refused(folder: Path, name: str, data: st.DataObject) -> None:
    is_taken_in_or_refused(folder, name, data.draw(torn(name)))


@pytest.mark.parametrize("name", STRUCTURED)
@MANY
@given(data=st.data())
def test_a_file_with_a_wrong_value_is_taken_in_or_refused(
    folder: Path, name: str, data: st.DataObject
) -> None:
    is_taken_in_or_refused(folder, name, data.draw(mended_wrong(name)))


@pytest.mark.parametrize("name", LISTED)
@MANY
@given(
    data=st.binary(max_size=200)
    | st.lists(WORDS | ANY_TEXT, max_size=12).map(lambda parts: "".join(parts).encode())
)
@example(data=b"[" * 100_000)
@example(data=b"{" * 100_000)
@example(data=b"a: " * 50_000)
@example(data=b"- " * 50_000)
@example(data=b"a: &a [1]\nb: [*a, *a]")
@example(data=b"((((" * 20_000)
@example(data=b"x = 1" + b"0" * 10_000)
@example(data=b"a>=" + b"1" * 10_000)
@example(data=b"\xff\xfe\x00a")
@example(data=b"Imports:" + b" a," * 50_000)
@example(data=b"install.packages(" * 5_000)
def test_any_bytes_are_taken_in_or_refused(folder: Path, name: str, data: bytes) -> None:
    is_taken_in_or_refused(folder, name, data)
