import json
from pathlib import Path

import pytest

from trailmark_capture import config
from trailmark_capture.config import Config, ConfigError

LEAST = {"project": "/p", "journal": "/s/journal", "files": "/s/files", "shell": "/s/shell"}


def test_a_session_is_read(tmp_path: Path) -> None:
    path = tmp_path / "capture.json"
    path.write_text(
        json.dumps({**LEAST, "session": "S", "shim": "/x.so", "exclude": ["/usr"], "recorder": None})
    )
    found = config.load({"TRAILMARK_CAPTURE": str(path)})
    assert found.project == Path("/p")
    assert found.session == "S"
    assert found.shim == Path("/x.so")
    assert found.exclude == ("/usr",)
    assert found.recorder == ()
    assert found.max_output_bytes == 50 * 1024 * 1024
    assert found.path == path


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", json.dumps({**LEAST, "shell": None})])
def test_a_file_that_holds_no_session_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "capture.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"capture\.json"):
        Config.load(path)


def test_without_a_session_there_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="TRAILMARK_CAPTURE"):
        config.load({})
    with pytest.raises(ConfigError, match="cannot be read"):
        Config.load(tmp_path / "absent.json")
