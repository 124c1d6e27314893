"""Our extension in a real JupyterLab in a real browser: it saves, it says how recording goes, it shows notices."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from playwright.sync_api import Page, expect, sync_playwright
from tests.stories.jupyter_room import TOKEN, Room, make_environment

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
NAME = "code/a.ipynb"


@pytest.fixture
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    python = make_environment(tmp_path_factory.mktemp("environment"))
    room = Room(tmp_path_factory.mktemp("room"), python)
    cells = [nbformat.v4.new_code_cell("6 * 7"), nbformat.v4.new_code_cell("'second'")]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), room.project / NAME)
    yield room
    room.stop()


@pytest.fixture
def page(room: Room, chromium: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{room.port}/lab/tree/{NAME}?token={TOKEN}&reset", timeout=60_000)
        expect(page.locator("#trailmark-status")).to_have_text("Trail: recording", timeout=60_000)
        until(lambda: [s for s in room.ask("GET", "/api/sessions") if is_ready(s["kernel"])])
        yield page
        browser.close()


def is_ready(kernel: dict[str, Any]) -> bool:
    return bool(kernel["connections"]) and kernel["execution_state"] == "idle"


def until(found: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def run_cell(page: Page, number: int) -> None:
    page.locator(".jp-Notebook .jp-Cell").nth(number).click()
    page.keyboard.press("Shift+Enter")


def saved(room: Room) -> dict[str, Any]:
    """Return the notebook's file, once Jupyter, which writes it in place, is done with it."""
    found: dict[str, Any] = {}

    def read() -> bool:
        with contextlib.suppress(ValueError):
            found.update(json.loads((room.project / NAME).read_text(encoding="utf-8")))
        return bool(found)

    until(read)
    return found


def test_what_it_does_while_a_person_works(room: Room, page: Page) -> None:
    a_notebook_is_saved_after_each_execution(room, page)
    documents_are_reloaded_when_their_file_has_changed(room, page)
    a_kernel_is_restarted_from_the_notice(room, page)
    a_trail_that_cannot_be_written_is_said_at_once(room, page)


def a_notebook_is_saved_after_each_execution(room: Room, page: Page) -> None:
    run_cell(page, 0)
    until(lambda: saved(room)["cells"][0]["outputs"])
    cell = saved(room)["cells"][0]["id"]
    (entry,) = room.wait(lambda entry: entry["cell"] == cell)
    assert (entry["save_expected"], entry["source"]) == (True, f"{NAME}#{cell}")


def documents_are_reloaded_when_their_file_has_changed(room: Room, page: Page) -> None:
    asked = {"message": "Saving", "save": True}
    assert room.ask("POST", "/trailmark/notify", asked) == {"pages": 1, "saved": True}
    notebook = saved(room)
    notebook["cells"][1]["source"] = "'changed outside'"
    time.sleep(1.1)
    Path(room.project / NAME).write_text(json.dumps(notebook), encoding="utf-8")
    told = {"message": "Went back to Monday", "reload": True, "restart": True}
    assert room.ask("POST", "/trailmark/notify", told) == {"pages": 1, "saved": None}
    expect(page.get_by_text("Went back to Monday")).to_be_visible()
    expect(page.locator(".jp-Notebook .jp-Cell").nth(1)).to_contain_text("changed outside")


def a_kernel_is_restarted_from_the_notice(room: Room, page: Page) -> None:
    (before,) = {entry["pid"] for entry in room.entries()}
    page.get_by_role("button", name="Restart kernel").last.click()
    until(lambda: not psutil.pid_exists(before))
    until(lambda: is_ready(room.ask("GET", "/api/sessions")[0]["kernel"]))
    run_cell(page, 1)
    (entry,) = room.wait(lambda entry: entry["code"] == "'changed outside'")
    assert (entry["status"], entry["pid"] != before) == ("ok", True)


def a_trail_that_cannot_be_written_is_said_at_once(room: Room, page: Page) -> None:
    until(lambda: saved(room)["cells"][1]["outputs"])
    server = psutil.Process(room.process.pid)
    usual = server.rlimit(psutil.RLIMIT_FSIZE)
    server.rlimit(psutil.RLIMIT_FSIZE, (1000, usual[1]))
    run_cell(page, 0)
    expect(page.locator("#trailmark-status")).to_have_text("Trail: not recording", timeout=15_000)
    expect(page.get_by_text("held in memory until it can")).to_be_visible()
    held = len(room.entries())
    server.rlimit(psutil.RLIMIT_FSIZE, usual)
    expect(page.locator("#trailmark-status")).to_have_text("Trail: recording", timeout=15_000)
    until(lambda: len(room.entries()) >= held + 2)
