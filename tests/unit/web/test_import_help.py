"""The page of an import shows what was chosen for old work, and what will not work as it is."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from trailmark.engines import MemoryEngine
from trailmark.environments.uv import find_uv
from trailmark.settings import Settings
from trailmark.testing.wheels import offline, write_wheel
from trailmark.wiring import Services

from .conftest import Browser


@pytest.fixture
def services(settings: Settings, tmp_path: Path) -> Services:
    write_wheel(tmp_path / "wheels", "numpy", "1.0")
    write_wheel(tmp_path / "wheels", "ipykernel", "7.0")
    uv = find_uv(offline(tmp_path / "wheels", tmp_path / "cache", os.environ))
    return Services(settings=settings, engine=MemoryEngine(runs_anything=True), uv=uv)


def test_old_work_shows_its_versions_and_what_will_fail(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "a.py").write_text("import numpy, urllib2\nprint 'x'\n", encoding="utf-8")
    then = {"GIT_AUTHOR_DATE": "2015-05-01T12:00:00Z", "GIT_COMMITTER_DATE": "2015-05-01T12:00:00Z"}
    identity = ["-c", "user.name=Bob", "-c", "user.email=bob@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "theirs"]):
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, env={**os.environ, **then})
    page = browser.post("/import", source=str(folder))
    deadline = time.monotonic() + 60
    while page.url.path.startswith("/import/looking/") and time.monotonic() < deadline:
        time.sleep(0.1)
        page = browser.http.get(page.url.path, follow_redirects=True)
    assert "numpy==1.0" in page.text
    assert "What will not work as it is" in page.text
    assert "urllib.request" in page.text
    assert "written for Python 2" in page.text
