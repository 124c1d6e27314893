"""The parts of the server that can be tried without starting one."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from trailmark_capture.config import Config
from trailmark_capture.jupyter.environ import for_person
from trailmark_capture.jupyter.kernelspecs import EnvironmentKernelSpecManager
from trailmark_capture.jupyter.labs import Labs
from trailmark_capture.jupyter.notebooks import Notebooks, find_started_for
from trailmark_capture.jupyter.settings import render


class Page:
    """A page that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[Mapping[str, Any]] = []

    def tell(self, message: Mapping[str, Any]) -> None:
        self.told.append(message)


def test_the_rendered_settings_are_json_and_hold_no_secret(tmp_path: Path) -> None:
    config = Config(tmp_path, tmp_path / "journal", tmp_path / "files", tmp_path / "shell")
    arguments: dict[str, Any] = {
        "port": 8888,
        "base_url": "/",
        "python": Path("/env/bin/python"),
        "name": "maize",
    }
    traits = render(config, **arguments)
    assert traits == render(config, **arguments)
    assert traits["ServerApp"]["ip"] == "127.0.0.1"
    assert traits["ServerApp"]["local_hostnames"] == []
    named = render(config, **arguments, hosts=("own.localhost",))["ServerApp"]
    assert (named["local_hostnames"], named["allow_remote_access"]) == (["own.localhost"], False)
    assert traits["EnvironmentKernelSpecManager"] == {
        "python": "/env/bin/python",
        "display_name": "Python (maize)",
    }
    assert "token" not in json.dumps(traits)


def test_the_persons_environment_is_active_and_nothing_of_ours_leaks() -> None:
    environ = {
        "PATH": "/tool/bin:/usr/bin",
        "VIRTUAL_ENV": "/tool",
        "PYTHONPATH": "/x",
        "JUPYTER_TOKEN": "t",
        "LANG": "C",
    }
    assert for_person(environ, Path("/env/bin/python"), Path("/tool")) == {
        "PATH": "/env/bin:/usr/bin",
        "VIRTUAL_ENV": "/env",
        "LANG": "C",
    }


def test_our_own_kernels_are_hidden(tmp_path: Path) -> None:
    kernel = tmp_path / "share" / "jupyter" / "kernels" / "ir"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps({"argv": ["R"], "display_name": "R", "language": "R"}))
    python = str(tmp_path / "bin" / "python")
    manager = EnvironmentKernelSpecManager(python=python, display_name="Python (maize)")
    specs = manager.get_all_specs()
    assert {"ir", "python3"} <= set(specs)
    assert specs["python3"]["spec"]["argv"][0] == python
    assert manager.get_kernel_spec("ir").language == "R"


def test_what_r_was_installed_with_may_have_kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "conda" / "bin" / "R"
    kernel = tmp_path / "conda" / "share" / "jupyter" / "kernels" / "ark"
    for folder in (program.parent, kernel):
        folder.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (kernel / "kernel.json").write_text(json.dumps({"argv": ["ark"], "display_name": "R", "language": "R"}))
    monkeypatch.setenv("PATH", str(program.parent))
    manager = EnvironmentKernelSpecManager(python=str(tmp_path / "bin" / "python"))
    assert "ark" in manager.find_kernel_specs()


def test_a_kernel_is_of_the_notebook_of_its_newest_session() -> None:
    notebooks = Notebooks()
    notebooks.seed("k", "code/a.ipynb")
    assert notebooks.of("k") == ["code/a.ipynb"]
    notebooks.set("s", "k", "code/b.ipynb")
    assert notebooks.of("k") == ["code/b.ipynb"]
    notebooks.set("console", "k", None)
    assert notebooks.of("k") == ["code/b.ipynb"]
    notebooks.set("s2", "k", "code/c.ipynb")
    assert notebooks.of("k") == ["code/c.ipynb", "code/b.ipynb"]
    notebooks.set("s2", "other", "code/c.ipynb")
    assert notebooks.of("k") == ["code/b.ipynb"]
    notebooks.forget("s2")
    assert notebooks.of("other") == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("/project/code/a.ipynb", "code/a.ipynb"),
        ("code/a.ipynb", "code/a.ipynb"),
        ("/elsewhere/a.ipynb", None),
        ("/project/console-1", None),
        ("", None),
    ],
)
def test_what_a_kernel_is_started_for(name: str, found: str | None) -> None:
    assert find_started_for({"JPY_SESSION_NAME": name}, Path("/project")) == found


def test_notices_about_a_kernel_wait_for_a_page() -> None:
    labs, page = Labs(), Page()
    labs.notify({"message": "reloaded", "reload": True})
    labs.notify({"message": "early", "restart": True})
    labs.join(page)
    labs.notify({"message": "now"})
    assert [message["message"] for message in page.told] == ["early", "now"]


def test_saving_waits_for_every_page() -> None:
    async def story() -> list[bool]:
        labs, one, two = Labs(), Page(), Page()
        results = [await labs.save(1)]
        labs.join(one)
        labs.join(two)
        saving = asyncio.create_task(labs.save(5))
        await asyncio.sleep(0)
        labs.answer(one, one.told[-1]["number"])
        await asyncio.sleep(0.01)
        assert not saving.done()
        labs.leave(two)
        results.append(await saving)
        results.append(await labs.save(0.01))
        return results

    assert asyncio.run(story()) == [True, True, False]
