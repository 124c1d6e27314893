import os
from pathlib import Path

import pytest

from trailmark.engines.machine import Check, examine
from trailmark.errors import Unavailable


def _examine(home: Path, path: str | None = None, problem: str | None = None) -> dict[str, Check]:
    checks = examine(
        home,
        environ={**os.environ, **({"PATH": path} if path is not None else {})},
        shim=lambda: problem,
        pythons=lambda: ("3.11.7 at /somewhere",),
    )
    return {check.name: check for check in checks}


def test_a_machine_that_runs_these_tests_can_do_what_is_needed(tmp_path: Path) -> None:
    checks = _examine(tmp_path / "not" / "there" / "yet")
    assert [check.name for check in checks.values() if check.needed and not check.ok] == []
    assert checks["git"].detail.startswith("git version")
    assert checks["uv"].detail.startswith("uv ")
    assert "GB free" in checks["Disk"].detail
    assert checks["Trailmark home"].ok
    assert not (tmp_path / "not").exists()


def test_what_is_missing_comes_with_advice(tmp_path: Path) -> None:
    checks = _examine(tmp_path, path=str(tmp_path), problem="the library does not load")
    for name in ("git", "C compiler", "Docker", "Chromium", "File capture"):
        assert not checks[name].ok
        assert checks[name].advice
    assert checks["git"].detail == "not found"
    assert checks["File capture"].detail == "the library does not load"


@pytest.mark.parametrize(
    ("said", "ok"), [("git version 2.39.5", True), ("git version 1.8.3", False), ("?", False)]
)
def test_an_old_git_is_not_enough(tmp_path: Path, said: str, ok: bool) -> None:
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    assert _examine(tmp_path, path=str(tmp_path))["git"].ok == ok


def test_a_docker_program_without_an_engine_is_told_apart(tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho 'cannot connect' >&2\nexit 1\n")
    program.chmod(0o755)
    check = _examine(tmp_path, path=str(tmp_path))["Docker"]
    assert not check.ok
    assert "no engine answers" in check.detail


def test_pythons_that_cannot_be_listed_are_a_failed_check(tmp_path: Path) -> None:
    def fail() -> tuple[str, ...]:
        raise Unavailable("no uv")

    checks = examine(tmp_path, environ={}, shim=lambda: None, pythons=fail)
    assert {check.name: check.ok for check in checks}["Pythons for environments"] is False
