"""The Environment page in a real browser: making and proving images, logs, the history, and going back."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.containers import BASE
from tests.stories.client_room import running
from tests.stories.test_client_browser import ARGUMENTS, watched

from trailmark.engines.daemon import Daemon
from trailmark.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
HERE = "p/ada/field/environment"
LONG = 300_000
BASE_TEXT = f"""
id = "bookworm"
revision = 1
title = "Bookworm"
[image]
local = "{BASE}"
[languages]
python = "3.11"
[managers.pip]
packages = ["six"]
"""
ALTER = 'echo "x = 1" >> /opt/python/lib/python3.11/site-packages/six.py'


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def field(settings: Settings, trailmark: list[str]) -> Path:
    """A project that starts from an image which was built here."""
    (settings.home / "bases").mkdir()
    (settings.home / "bases" / "bookworm.toml").write_text(BASE_TEXT)
    subprocess.run([*trailmark, "new", "field", "--base", "bookworm"], check=True, capture_output=True)
    return settings.projects / "ada" / "field"


@pytest.fixture
def images(docker: Daemon) -> Iterator[None]:
    """Remove the images that the story made."""
    before = _names(docker)
    yield
    for name in _names(docker) - before:
        docker.api.remove_image(name, force=True)


def test_an_environment_from_its_first_package_to_its_proof(
    home: Path, trailmark: list[str], browser: Browser, field: Path, docker: Daemon, images: None
) -> None:
    with running(trailmark) as (_, address):
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        complaints = watched(page)
        page.goto(address)
        base = page.url
        page.goto(base + HERE)
        expect(page.locator("#environment-standing")).to_contain_text("Not locked")
        lock_and_add(page)
        a_build_is_stopped_and_one_fails(page)
        go_back_to_before_the_snippet(page, field)
        make_and_prove(page)
        altered(docker, page)
        read_the_history(page)
        assert complaints == []


def lock_and_add(page: Page) -> None:
    page.get_by_label("Add packages").fill("idna")
    page.get_by_role("button", name="Add", exact=True).click()
    row = page.locator(".packages tr", has_text="idna")
    expect(row).to_contain_text("Installed", timeout=LONG)
    expect(page.locator("#environment-standing")).to_contain_text("Locked")
    expect(page.locator("#came-to-be .change").first).to_contain_text("idna")
    expect(page.locator("#place-docker")).to_contain_text("Not made yet")


def a_build_is_stopped_and_one_fails(page: Page) -> None:
    page.get_by_text("Add a snippet").click()
    page.locator("#f-snippet").fill("20-slow")
    page.locator("#f-text").fill("RUN for i in 1 2 3 4 5 6; do echo step $i; sleep 1; done; exit 3")
    page.get_by_role("button", name="Add it").click()
    expect(page.locator(".snippet-name", has_text="20-slow")).to_be_visible(timeout=LONG)
    for ending in ("Stopped", "Failed"):
        page.locator("#place-docker").get_by_role("button", name="Make it").click()
        expect(page.locator(".job-log")).to_contain_text("step 2", timeout=LONG)
        if ending == "Stopped":
            page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.locator(".job-card .notice")).to_be_visible(timeout=LONG)
        expect(page.locator(".log-line").first).to_contain_text(ending)
        page.get_by_role("button", name="Put this away").click()
        expect(page.locator(".job-card")).to_have_count(0)
    page.locator(".log-line a").first.click()
    expect(page.locator(".failure-end")).to_contain_text("exit code: 3")
    expect(page.locator("#log-text")).to_contain_text("step 5")
    page.get_by_role("link", name="Environment", exact=True).first.click()


def go_back_to_before_the_snippet(page: Page, field: Path) -> None:
    (field / "trailmark.toml").write_text((field / "trailmark.toml").read_text() + "\n# Mine.\n")
    page.locator(".change", has_text="Added idna").get_by_role("button", name="Go back to it").click()
    expect(page.locator(".restore-form")).to_contain_text("20-slow")
    page.get_by_role("button", name="Go back to it").click()
    expect(page.locator(".change").first).to_contain_text("Went back to the environment of", timeout=LONG)
    expect(page.locator(".change").first).to_contain_text("Now")
    expect(page.locator(".snippet-name", has_text="20-slow")).to_have_count(0)
    assert "# Mine." in (field / "trailmark.toml").read_text()
    assert not (field / "environment" / "snippets").exists()


def make_and_prove(page: Page) -> None:
    page.locator("#place-docker").get_by_role("button", name="Make it").click()
    expect(page.locator("#place-docker")).to_contain_text("Image of", timeout=LONG)
    for place in ("#place-docker", "#place-local"):
        page.locator(place).get_by_role("button", name="Prove it").click()
        expect(page.locator(place)).to_contain_text("Proved on", timeout=LONG)
        page.locator(place).get_by_text("What was compared").click()
    expect(page.locator("#place-docker")).to_contain_text("trailmark/")
    expect(page.locator("#place-local")).to_contain_text("Operating system")
    expect(page.locator("#environment-standing")).to_contain_text("Proved on")


def altered(docker: Daemon, page: Page) -> None:
    name = (page.locator("#place-docker dd code").first.text_content() or "").strip()
    assert name.startswith("trailmark/")
    container = docker.api.create_container(name, ["sh", "-c", ALTER], user="0:0")["Id"]
    docker.api.start(container)
    docker.api.wait(container)
    docker.api.commit(container, *name.rsplit(":", 1))
    docker.api.remove_container(container)
    page.locator("#place-docker").get_by_role("button", name="Prove it again").click()
    expect(page.locator("#place-docker")).to_contain_text("Not equal", timeout=LONG)
    expect(page.locator(".differences")).to_contain_text("six.py")
    expect(page.locator(".differences")).to_contain_text("A file of Python's packages is another")
    expect(page.locator("#place-local")).to_contain_text("Proved on")


def read_the_history(page: Page) -> None:
    page.get_by_role("link", name="All changes").click()
    expect(page.locator(".change")).to_have_count(4)
    page.locator(".change-title a").first.click()
    expect(page.get_by_role("heading", name="Went back to the environment of")).to_be_visible()


def _names(docker: Daemon) -> set[str]:
    return {name for one in docker.api.images() for name in one.get("RepoTags") or ()}
