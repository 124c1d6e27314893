"""What describes an environment and cannot be read: each command says which file and why, and changes nothing."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trailmark.testing.wheels import offline, write_index

COMMANDS = [
    ["env"],
    ["env", "verify"],
    ["env", "build"],
    ["env", "add", "alpha"],
    ["env", "update"],
    ["env", "lock"],
    ["run", "--", "true"],
]
OTHERS = {"conda-lock.yml": "conda", "apt.toml": "apt", "renv.lock": "r"}
HELD = [
    ("environment/pylock.toml", "lock-version = ["),
    ("environment/pylock.toml", 'lock-version = "1.0"\npackages = 5\n'),
    ("environment/conda-lock.yml", "version: [1"),
    ("environment/conda-lock.yml", "version: 1\npackage: here\n"),
    ("environment/apt.toml", "version = 1\npackage = 2\n"),
    ("environment/renv.lock", '{"R": 5'),
    ("environment/renv.lock", '{"R": {"Version": "4.2"}, "Packages": []}'),
    ("environment/base.toml", "id = [5"),
    ("environment/base.toml", 'id = "x"\nrevision = "new"\n'),
    ("environment/snippets/10-a.dockerfile", "COPY a b\n"),
    ("trailmark.toml", 'name = "rain"\n[environment]\npackages = "pandas"\n'),
    ("trailmark.toml", 'name = "rain"\n[environment.conda]\npackages = [1]\n'),
    ("trailmark.toml", 'name = "rain"\n[environment.r]\nsnapshot = "yesterday"\n'),
    ("trailmark.toml", 'name = "rain"\n[environment.resources]\nmemory = "lots"\n'),
    ("trailmark.toml", 'name = "rain"\n[environment]\nbase = ["a"]\n'),
]
GIVEN = [
    ("requirements.txt", b"!!! not a package\n"),
    ("requirements.txt", b"\xff\xfe\x00"),
    ("environment.yml", b"dependencies: [a\n- b: {"),
    ("environment.yml", b"dependencies: 5\n"),
    ("renv.lock", b'{"R": '),
    ("renv.lock", b'{"Packages": {"x": 5}}'),
    ("DESCRIPTION", b"Imports: (>= 1.0), , 9\n"),
    ("pyproject.toml", b"[project\n"),
    ("pyproject.toml", b"[project]\ndependencies = 'numpy'\n"),
    ("apt.txt", b"--force\n$(id)\n"),
]


def said_clearly(answer, *words):
    """Whether a command was refused in a sentence that has these words, as a person may read it."""
    assert answer.code in (1, 2), (answer.out, answer.err)
    assert "Traceback" not in answer.out + answer.err
    assert "Trailmark itself failed" not in answer.err
    assert "Not done: " in answer.err
    assert not [word for word in words if word not in answer.err], answer.err


@pytest.fixture
def around(tmp_path):
    return offline(write_index(tmp_path / "wheels"), tmp_path / "cache", os.environ)


@pytest.fixture
def locked(call, rain, around):
    """The project rain with a lock, and with its commands run where only a few packages are."""

    def run(*arguments):
        return call("-C", "rain", *arguments, **around)

    assert run("env", "lock").code == 0
    return run


@pytest.mark.parametrize(("path", "text"), HELD)
def test_a_file_of_the_project_that_cannot_be_read_is_named(locked, rain, path, text):
    file = rain / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    if file.name in OTHERS:
        with (rain / "trailmark.toml").open("a") as manifest:
            manifest.write(f'\n[environment.{OTHERS[file.name]}]\npackages = ["tree"]\n')
    name = file.name.removesuffix(".dockerfile")
    answers = []
    for command in COMMANDS:
        file.write_text(text)
        answers.append(locked(*command))
        if answers[-1].code:
            # What works in spite of it, works; what does not, says why and leaves the file as it was.
            said_clearly(answers[-1], name)
            assert file.read_text() == text
    assert any(name in answer.out + answer.err for answer in answers)


@pytest.mark.parametrize(("name", "data"), GIVEN)
def test_a_file_that_cannot_be_taken_in_is_named(locked, rain, tmp_path, name, data):
    before = (rain / "trailmark.toml").read_bytes()
    (tmp_path / name).write_bytes(data)
    answer = locked("env", "import", str(tmp_path / name))
    said_clearly(answer, "Nothing was found there")
    assert (rain / "trailmark.toml").read_bytes() == before


@pytest.mark.parametrize("path", sorted({path for path, _ in HELD}))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(text=st.text(alphabet='[]{}="#:-,\n.aRx1 ', max_size=60))
def test_any_text_in_a_file_of_the_project_is_read_or_refused(locked, rain, path, text):
    file = rain / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    answer = locked("env", "show", "--json")
    if answer.code == 0:
        assert answer.value["state"] in ("locked", "proved", "stale", "unlocked")
    else:
        said_clearly(answer)
