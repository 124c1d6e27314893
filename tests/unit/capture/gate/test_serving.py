"""A gate that cannot listen says so in one line."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import trailmark_capture
from trailmark_capture.loopback import ADDRESS, OTHER, has_other, is_taken


@pytest.mark.parametrize("address", [ADDRESS, OTHER])
def test_a_port_that_was_taken_meanwhile_is_said(tmp_path, address):
    if address == OTHER and not has_other():
        pytest.skip("this machine has no ::1")
    family = socket.AF_INET if address == ADDRESS else socket.AF_INET6
    with socket.socket(family) as taken:
        taken.bind((address, 0))
        taken.listen()
        port = taken.getsockname()[1]
        folders = {name: str(tmp_path / name) for name in ("project", "journal", "files", "shell")}
        capture = {**folders, "session": "s", "tool": "app", "engine": "local"}
        (tmp_path / "capture.json").write_text(json.dumps(capture))
        order = {"port": port, "listen": ADDRESS, "name": "x", "page": "", "argv": ["true"], "env": [],
                 "cwd": str(tmp_path), "capture": "run", "hosts": ["localhost"]}  # fmt: skip
        (tmp_path / "gate.json").write_text(json.dumps(order))
        done = subprocess.run(
            [sys.executable, "-P", "-m", "trailmark_capture.gate", str(tmp_path / "gate.json")],
            env={**os.environ, "PYTHONPATH": str(Path(trailmark_capture.__file__).parents[1]),
                 "TRAILMARK_CAPTURE": str(tmp_path / "capture.json"), "TRAILMARK_GATE_TOKEN": "t"},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert is_taken(port)
    assert not is_taken(port)
    assert done.returncode == 1
    assert done.stderr == f"Another program of this machine has the port {port} of {address}. Try again.\n"
