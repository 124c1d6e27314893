"""Settings, read once and strictly."""

from pathlib import Path

import pytest

from trailmark import settings
from trailmark.errors import InvalidInput


def load(tmp_path, text):
    (tmp_path / "settings.toml").write_text(text)
    return settings.load({"TRAILMARK_HOME": str(tmp_path), "HOME": str(tmp_path), "LOGNAME": "ada"})


def test_what_is_not_set_has_a_default(tmp_path):
    found = load(tmp_path, "max_file_bytes = 1_000\n[person]\nname = 'Ada Lovelace'\n")
    assert (found.max_file_bytes, found.max_output_bytes) == (1000, 50 * settings.MEGABYTE)
    assert str(found.person) == "Ada Lovelace <ada@localhost>"
    assert (found.owner, found.projects) == ("ada", tmp_path / "projects")


@pytest.mark.parametrize(
    "text",
    ["owner = 5", "projects = []", "person = 'Ada'", "max_file_bytes = 'big'", "max_file_bytes = true",
     "max_output_bytes = -1", "x = [", "x = " + "[" * 50_000],
)  # fmt: skip
def test_what_makes_no_sense_is_named(tmp_path, text):
    with pytest.raises(InvalidInput, match=r"settings\.toml"):
        load(tmp_path, text)


def test_further_certificates_are_a_file(tmp_path):
    assert load(tmp_path, "").certificates is None
    assert load(tmp_path, "certificates = '/etc/own.pem'\n").certificates == Path("/etc/own.pem")
