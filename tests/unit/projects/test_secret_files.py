"""Secret files: named by the project, kept outside of it, given to programs, blacked out, never exported."""

import json
import os
from pathlib import Path

import pytest

from trailmark.errors import InvalidInput, NotFound
from trailmark.projects.delete import delete_project, list_trash, restore_project
from trailmark.projects.secret_files import (
    files_path,
    keep_secret_file,
    missing_secret_files,
    name_secret_file,
    secret_file_variables,
    secret_files,
)
from trailmark.projects.secrets import SecretFinder, secrets_path, set_secret
from trailmark.projects.sweep import sweep

KEY = "sk1abcDEF2345ghiJKL6789mno"
CONTENT = json.dumps({"username": "ada", "key": KEY}).encode()


@pytest.fixture
def named(project):
    name_secret_file(project, "KAGGLE", "/run/secrets/kaggle.json")
    return project


def test_a_file_is_named_kept_and_found(named):
    assert missing_secret_files(named) == ("KAGGLE",)
    assert secret_file_variables(named) == {}
    keep_secret_file(named, "KAGGLE", CONTENT)
    (file,) = secret_files(named)
    assert file.path.read_bytes() == CONTENT
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert not file.path.is_relative_to(named.path)
    assert secret_file_variables(named) == {"KAGGLE": str(file.path)}
    assert missing_secret_files(named) == ()
    assert 'KAGGLE = "/run/secrets/kaggle.json"' in named.manifest_text()
    assert KEY not in named.manifest_text()


def test_places(named):
    name_secret_file(named, "NETRC", "~/.netrc")
    home = Path("/somewhere")
    assert [str(file.placed(home)) for file in secret_files(named)] == [
        "/run/secrets/kaggle.json", "/somewhere/.netrc",
    ]  # fmt: skip
    before = named.manifest_text()
    for place in (
        "",
        "/etc/passwd",
        "~/../x",
        "/run/secrets/../../etc/passwd",
        "key",
        "~/",
        "/run/secrets/a:b",
        "~/a\n",
    ):
        with pytest.raises(InvalidInput, match="secret_files"):
            name_secret_file(named, "OTHER", place)
    with pytest.raises(InvalidInput, match="name of a secret file"):
        name_secret_file(named, "a b", "~/x")
    assert named.manifest_text() == before


def test_what_nobody_asks_for_is_not_kept(named):
    with pytest.raises(NotFound, match="--at"):
        keep_secret_file(named, "OTHER", b"x")
    with pytest.raises(InvalidInput, match="at most"):
        keep_secret_file(named, "KAGGLE", b"x" * 10_000_001)
    assert missing_secret_files(named) == ("KAGGLE",)


def test_its_keys_are_blacked_out_and_forgotten_with_it(named):
    set_secret(named, "OTHER", "another-value-1234567890")
    keep_secret_file(named, "KAGGLE", CONTENT)
    assert SecretFinder(named).find_in(f"the key is {KEY}".encode()) == "KAGGLE (1)"
    assert SecretFinder(named).find_in(b'{"username": "ada"}') is None
    keep_secret_file(named, "KAGGLE", None)
    stored = json.loads(secrets_path(named).read_text())
    assert stored == {"OTHER": "another-value-1234567890"}
    assert missing_secret_files(named) == ("KAGGLE",)


def test_a_password_in_a_netrc_is_blacked_out_and_counted(named):
    name_secret_file(named, "NETRC", "~/.netrc")
    keep_secret_file(named, "NETRC", b"machine api.example.org login ann password s3cr3t-Pw12!\n")
    assert SecretFinder(named).find_in(b"curl -u ann:s3cr3t-Pw12!") == "NETRC (1)"
    assert [file.values for file in secret_files(named)] == [0, 1]


def test_a_file_of_the_project_with_the_key_is_not_committed(named, write, files):
    keep_secret_file(named, "KAGGLE", CONTENT)
    write("code/kaggle.json", CONTENT)
    sweep(named)
    assert "code/kaggle.json" not in files()


def test_it_goes_to_the_trash_with_the_project_and_comes_back(named, settings):
    keep_secret_file(named, "KAGGLE", CONTENT)
    kept = files_path(named)
    delete_project(named)
    assert not kept.exists()
    back = restore_project(settings, list_trash(settings)[0].id)
    assert secret_files(back)[0].path.read_bytes() == CONTENT


def test_programs_of_a_run_are_told_where_it_is(named, tmp_path):
    keep_secret_file(named, "KAGGLE", CONTENT)
    assert os.access(secret_file_variables(named)["KAGGLE"], os.R_OK)
