"""Files of other tools under names of their own, in other encodings, and with several lines for one package."""

import pytest

from trailmark.environments.managers.memory import Memory
from trailmark.environments.model import EnvironmentRequest
from trailmark.environments.whole.model import WholeRequest
from trailmark.projects.take_in import read_description, take_in

MANAGERS = {"conda": Memory({}, "conda"), "r": Memory({}, "r"), "apt": Memory({}, "apt")}
CONDA = "dependencies: [python=3.11, numpy, {pip: [pandas]}]\n"


def taken(path, *packages, conda=False):
    request = WholeRequest(EnvironmentRequest(packages=packages))
    return take_in(request, read_description(path), MANAGERS, conda=conda, python=True).request


@pytest.mark.parametrize(
    ("name", "text", "packages"),
    [
        ("env.yml", CONDA, ("numpy", "pandas")),
        ("environment-dev.yml", CONDA, ("numpy", "pandas")),
        ("conda.yaml", CONDA, ("numpy", "pandas")),
        ("requirements-dev.txt", "pandas\n", ("pandas",)),
        ("requirements.in", "pandas\n", ("pandas",)),
        ("other.toml", "[project]\ndependencies = ['pandas']\n", ("pandas",)),
        ("Pipfile", "[packages]\npandas = '*'\n", ("pandas",)),
    ],
)
def test_a_file_is_known_by_its_ending(tmp_path, name, text, packages):
    (tmp_path / name).write_text(text)
    assert taken(tmp_path / name).pip.packages == packages


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["requirements.txt", "env.yml"])
def test_byte_order_marks_are_honoured(tmp_path, name, encoding):
    text = "dependencies:\r\n - numpy\r\n" if name == "env.yml" else "numpy\r\n"
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    (tmp_path / name).write_bytes((mark + text).encode(encoding))
    assert taken(tmp_path / name).pip.packages == ("numpy",)


def test_all_lines_of_a_package_are_taken_in(tmp_path):
    lines = ('numpy==1.26.4 ; python_version < "3.12"', 'numpy==2.1.0 ; python_version >= "3.12"')
    (tmp_path / "requirements.txt").write_text("\n".join((*lines, "beta")))
    found = taken(tmp_path / "requirements.txt", "alpha", "numpy<1", "gamma").pip.packages
    assert [text.replace('"', "'") for text in found] == [
        "alpha",
        *(line.replace(" ;", ";").replace('"', "'") for line in lines),
        "gamma",
        "beta",
    ]


def test_a_list_may_include_the_one_that_lists_are_named_after(tmp_path):
    (tmp_path / "requirements.txt").write_text("numpy\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\npandas\n")
    assert set(taken(tmp_path / "requirements-dev.txt").pip.packages) == {"numpy", "pandas"}


def test_what_an_environment_yml_asks_of_pip_is_kept(tmp_path):
    (tmp_path / "env.yml").write_text(CONDA.replace("python=3.11, ", ""))
    found = taken(tmp_path / "env.yml", conda=True)
    assert (found.pip.packages, found.others["conda"].requirements) == (("pandas",), ("numpy",))
