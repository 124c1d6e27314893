"""A person's afternoon in a real JupyterLab in a real browser, and the trail that must be left of it."""

import json
import subprocess
import time
from pathlib import Path

import httpx
import nbformat
import pytest
from playwright.sync_api import Page, expect, sync_playwright
from tests.stories.lab_cases import CASES, Case

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
NOTEBOOK = "code/story.ipynb"


class Terminal:
    """A person at the command line, in one project."""

    def __init__(self, trailmark: list[str], project: str) -> None:
        self._command = [*trailmark, "-C", project]

    def __call__(self, *arguments: str, code: int = 0):
        done = subprocess.run([*self._command, *arguments, "--json"], capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def wait_for(self, wanted, *arguments: str, seconds: float = 20.0):
        """Read the log until `wanted` returns something of it."""
        deadline = time.monotonic() + seconds
        while True:
            log = self("log", "--limit", "200", *arguments)
            found = wanted(log)
            if found:
                return found
            assert time.monotonic() < deadline, (
                f"not seen in time; the log holds {[item['title'] for item in log][:9]}"
            )
            time.sleep(0.1)


@pytest.fixture
def terminal(trailmark, settings):
    subprocess.run([*trailmark, "new", "story"], check=True, capture_output=True)
    return Terminal(trailmark, "story")


def write_notebook(project: Path) -> None:
    cells = [nbformat.v4.new_code_cell(case.code, id=case.id) for case in CASES]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    (project / NOTEBOOK).write_text(
        nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata=kernel)) + "\n"
    )


def open_notebook(page: Page, launched: dict[str, str]) -> None:
    base, _, token = launched["url"].partition("?token=")
    page.goto(f"{base}lab/tree/{NOTEBOOK}?reset&token={token}")
    expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible(timeout=60_000)
    wait_for_kernel(launched)
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_attached(timeout=60_000)


def wait_for_kernel(launched: dict[str, str]) -> None:
    base, _, token = launched["url"].partition("?token=")
    headers = {"Authorization": f"token {token}"}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        sessions = httpx.get(f"{base}api/sessions", headers=headers).json()
        if (
            sessions
            and sessions[0]["kernel"]["connections"]
            and sessions[0]["kernel"]["execution_state"] == "idle"
        ):
            return
        time.sleep(0.1)
    raise AssertionError("the kernel is not ready in time")


def run_cell(page: Page, number: int, case: Case) -> None:
    page.locator(f".jp-Notebook [data-windowed-list-index='{number}'] .jp-InputPrompt").click()
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+Enter")
    if case.answer is not None:
        box = page.locator(".jp-Stdin-input")
        box.fill(case.answer)
        box.press("Enter")
    if case.interrupt:
        time.sleep(1.0)
        page.keyboard.press("Escape")
        page.keyboard.press("i")
        page.keyboard.press("i")


def records_of(log, case: Case):
    return [item for item in log if item["source"] == f"{NOTEBOOK}#{case.id}" and item["continues"] is None]


def inside(entries) -> set[str]:
    return {entry["path"] for entry in entries if not entry["path"].startswith("/")}


def check(terminal: Terminal, case: Case, log) -> None:
    records = records_of(log, case)
    assert len(records) == 1, f"{case.id}: {len(records)} records"
    (record,) = records
    assert (record["kind"], record["status"]) == ("cell", case.status), case.id
    assert inside(record["reads"]) == case.reads, case.id
    assert inside(record["writes"]) == case.writes, case.id
    assert {output["mime"] for output in record["outputs"]} >= case.mimes, case.id
    whole = terminal("log", record["id"])
    assert whole["code"] == case.code
    if case.text is not None:
        assert case.text in whole["text"], case.id
    if case.not_text is not None:
        assert case.not_text not in whole["text"], case.id


def test_everything_that_is_done_in_jupyterlab_is_on_the_trail(terminal, chromium):
    project = Path(terminal("show")["path"])
    write_notebook(project)
    terminal("env", "add", "pandas", "pyarrow", "h5py", "matplotlib")
    launched = terminal("launch")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        open_notebook(page, launched)
        assert page.locator(".jp-Notebook .jp-Cell").count() > 5
        for number, case in enumerate(CASES):
            run_cell(page, number, case)
            terminal.wait_for(lambda log, case=case: records_of(log, case))
            if case.status == "lost":
                dismiss_restart(page, launched)
        use_the_terminal(page)
        terminal.wait_for(lambda log: [item for item in log if item["kind"] == "command"])
        rename(launched)
        terminal.wait_for(lambda log: [item for item in log if item["title"].startswith("Renamed")])
        browser.close()
    terminal("stop")
    log = terminal("log", "--limit", "500")
    for case in CASES:
        check(terminal, case, log)
    continued = [item for item in log if item["continues"]]
    assert len(continued) == sum(case.late for case in CASES)
    assert len([item for item in log if item["kind"] == "cell" and not item["continues"]]) == len(CASES)
    (command,) = [item for item in log if item["kind"] == "command"]
    assert inside(command["writes"]) == {"output/sorted.txt"}
    assert inside(command["reads"]) == {"output/child.txt"}
    assert terminal("verify")["ok"]
    assert "hunter2-typed" not in everything_in(project)
    status = subprocess.run(["git", "status", "--porcelain"], cwd=project, capture_output=True, text=True)
    assert status.stdout == ""
    subprocess.run(["git", "fsck", "--strict"], cwd=project, check=True, capture_output=True)


def dismiss_restart(page: Page, launched: dict[str, str]) -> None:
    """Close what JupyterLab says about the kernel that died, and wait for the next one."""
    page.locator(".jp-Dialog button.jp-mod-accept").click(timeout=30_000)
    wait_for_kernel(launched)


def use_the_terminal(page: Page) -> None:
    page.locator("#jp-main-dock-panel .lm-TabBar-addButton").first.click()
    page.locator(".jp-LauncherCard", has_text="Terminal").first.click()
    expect(page.locator(".jp-Terminal .xterm-screen")).to_be_visible()
    time.sleep(1.5)
    page.keyboard.type("sort ../output/child.txt > ../output/sorted.txt\n")


def rename(launched: dict[str, str]) -> None:
    base, _, token = launched["url"].partition("?token=")
    headers = {"Authorization": f"token {token}"}
    answer = httpx.patch(
        f"{base}api/contents/{NOTEBOOK}", json={"path": "code/renamed.ipynb"}, headers=headers
    )
    answer.raise_for_status()


def everything_in(project: Path) -> str:
    """Return every object and file of the project as text."""
    listed = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"], cwd=project, check=True, capture_output=True
    )
    files = [path.read_bytes() for path in project.rglob("*") if path.is_file() and ".git" not in path.parts]
    return (listed.stdout + b"".join(files)).decode("utf-8", "replace")
