"""A newcomer's first half hour with the client, in a real browser: the demo, the trail, files, going back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from tests.stories.client_room import running

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
DEMO_SECONDS = 240
PIECES = 9 * 1024 * 1024


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield opened
        opened.close()


def watched(page: Page) -> list[str]:
    """Everything that a page complains of: script errors, and what its own policy forbids."""
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


def test_the_demo_and_what_can_be_done_with_it(
    home: Path, trailmark: list[str], browser: Browser, tmp_path: Path
) -> None:
    with running(trailmark) as (_, address):
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        complaints = watched(page)
        page.goto(address)
        assert "key" not in page.url
        make_the_demo(page)
        search_and_read(page)
        upload(page, tmp_path)
        begin_a_branch(page)
        go_back(page)
        open_jupyterlab_and_stop(page)
        assert complaints == []


def make_the_demo(page: Page) -> None:
    page.get_by_role("button", name="Make the demo").click()
    expect(page.get_by_role("heading", name="penguins", exact=True)).to_be_visible()
    expect(page.get_by_text("Watch the trail fill")).to_be_visible()
    expect(page.locator("#jobs-tray .spinner")).to_be_visible()
    script = page.locator("[data-record]", has_text="python code/summarise.py")
    expect(script).to_be_visible(timeout=DEMO_SECONDS * 1000)
    expect(page.locator("[data-record] img").first).to_be_visible()
    expect(page.locator("#jobs-tray .spinner")).to_have_count(0, timeout=20_000)
    expect(page.get_by_role("link", name="Open JupyterLab", exact=True)).to_be_visible()


def search_and_read(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("polyfit")
    page.keyboard.press("Enter")
    expect(page.locator("[data-record]")).to_have_count(1)
    page.locator("[data-record] .step-time").click()
    expect(page.get_by_text("np.polyfit")).to_be_visible()
    page.get_by_label("A note about this record").fill("A line for *each* species.")
    page.get_by_role("button", name="Add the note").click()
    expect(page.locator("#notes em", has_text="each")).to_be_visible()
    expect(page.get_by_text("The note is on the trail")).to_be_visible()


def upload(page: Page, folder: Path) -> None:
    large = folder / "large.bin"
    large.write_bytes(b"x" * PIECES)
    small = folder / "gulls.csv"
    small.write_text("species,count\nherring,12\n", encoding="utf-8")
    page.get_by_role("link", name="Files", exact=True).click()
    page.get_by_role("link", name="input", exact=True).click()
    with page.expect_response(re.compile("/uploads/finish$")):
        page.locator("[data-dropzone] input[type=file]").set_input_files([str(large), str(small)])
    expect(page.get_by_role("link", name="gulls.csv", exact=True)).to_be_visible()
    expect(page.locator("tr", has_text="large.bin")).to_contain_text("9.4 MB")
    page.get_by_role("link", name="gulls.csv", exact=True).click()
    expect(page.get_by_role("cell", name="herring")).to_be_visible()
    expect(page.get_by_role("link", name="Uploaded 2 files to input/")).to_be_visible()


def begin_a_branch(page: Page) -> None:
    page.get_by_role("link", name="Branches", exact=True).click()
    page.get_by_label("Name").fill("gulls-too")
    page.get_by_label("Go to it at once").uncheck()
    page.get_by_role("button", name="Begin it here").click()
    expect(page.get_by_role("link", name="gulls-too")).to_be_visible()


def go_back(page: Page) -> None:
    page.get_by_role("link", name="Activity", exact=True).click()
    page.locator("[data-record]", has_text="Locked the environment").locator("a[data-open]").click()
    page.get_by_text("Go back to here").click()
    page.get_by_role("button", name="Go back", exact=True).click()
    expect(page.get_by_role("heading", name="Go back while JupyterLab is open?")).to_be_visible()
    page.get_by_role("button", name="Go back", exact=True).click()
    expect(page.get_by_text("The project is as it was then")).to_be_visible()
    expect(page.locator("[data-record]").first).to_contain_text("Went back to")
    page.get_by_role("link", name="Files", exact=True).click()
    page.get_by_role("link", name="output", exact=True).click()
    expect(page.get_by_text("summary.csv")).to_have_count(0)


def open_jupyterlab_and_stop(page: Page) -> None:
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open JupyterLab", exact=True).click()
    lab = opened.value
    lab.wait_for_selector("#jp-top-panel", timeout=60_000)
    assert page.context.cookies(lab.url)
    lab.close()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Stop it").click()
    expect(page.get_by_role("button", name="Launch JupyterLab")).to_be_visible(timeout=30_000)


def test_without_script_everything_but_live_news_works(
    home: Path, trailmark: list[str], browser: Browser, tmp_path: Path
) -> None:
    with running(trailmark) as (_, address):
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(address)
        page.get_by_role("link", name="New project").click()
        page.get_by_label("Name").fill("quiet")
        page.get_by_role("button", name="Make the project").click()
        expect(page.get_by_role("heading", name="quiet", exact=True).first).to_be_visible()
        page.get_by_role("link", name="Files", exact=True).click()
        (tmp_path / "a.csv").write_text("x\n1\n", encoding="utf-8")
        page.locator("[data-dropzone] input[type=file]").set_input_files(str(tmp_path / "a.csv"))
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("link", name="a.csv", exact=True)).to_be_visible()
        page.get_by_role("link", name="Rename or move a.csv").click()
        page.get_by_label("New path").fill("input/b.csv")
        page.get_by_role("button", name="Rename or move").click()
        expect(page.get_by_role("link", name="b.csv", exact=True)).to_be_visible()
        page.get_by_role("link", name="Activity", exact=True).click()
        page.get_by_text("Write a note").click()
        page.get_by_label("Note").fill("No script was needed.")
        page.get_by_role("button", name="Put it on the trail").click()
        expect(page.locator("[data-record]").first).to_contain_text("No script was needed.")


def test_many_files_dropped_at_once_are_one_record(
    home: Path, trailmark: list[str], browser: Browser
) -> None:
    with running(trailmark) as (_, address):
        page = browser.new_context().new_page()
        complaints = watched(page)
        page.goto(address)
        page.get_by_role("link", name="New project").click()
        page.get_by_label("Name").fill("survey")
        page.get_by_role("button", name="Make the project").click()
        page.get_by_role("link", name="Files", exact=True).click()
        page.get_by_role("link", name="input", exact=True).click()
        dropped = page.evaluate_handle(
            """() => {
              const transfer = new DataTransfer();
              for (let number = 0; number < 30; number += 1)
                transfer.items.add(new File([`${number}`], `plot-${number}.csv`));
              return transfer;
            }"""
        )
        page.dispatch_event("[data-droparea]", "drop", {"dataTransfer": dropped})
        expect(page.get_by_role("link", name="plot-29.csv", exact=True)).to_be_visible()
        page.get_by_role("link", name="Activity", exact=True).click()
        expect(page.locator("[data-record]")).to_have_count(2)
        expect(page.locator("[data-record]").first).to_contain_text("Uploaded 30 files to input/")
        assert complaints == []


def test_another_site_gets_nothing(
    home: Path, trailmark: list[str], browser: Browser, tmp_path: Path
) -> None:
    """A page from elsewhere, in the same browser, can neither read nor change nor frame the client."""
    with running(trailmark) as (_, address):
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        base = page.url.rstrip("/")
        (tmp_path / "evil.html").write_text(
            f"""<!doctype html><title>waiting</title>
            <form id="f" method="post" action="{base}/new" target="t"><input name="name" value="stolen"></form>
            <iframe name="t"></iframe><iframe id="i" src="{base}/"></iframe>
            <script>
            document.getElementById("f").submit();
            fetch("{base}/api/projects", {{credentials: "include"}})
              .then((answer) => answer.text()).then((text) => {{ document.title = "read " + text; }})
              .catch(() => {{ document.title = "refused"; }});
            </script>""",
            encoding="utf-8",
        )
        evil = context.new_page()
        evil.goto((tmp_path / "evil.html").as_uri())
        expect(evil).to_have_title("refused")
        evil.wait_for_timeout(500)
        answer = page.request.get(f"{base}/api/projects")
        assert answer.json() == []
