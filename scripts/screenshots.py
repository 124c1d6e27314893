"""Make the pictures of the documentation from the real client: a fresh home, the demonstration, a browser.

Usage: .venv/bin/python scripts/screenshots.py
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
NOTE = "Bills of Adelie and Gentoo hardly overlap: this alone tells them apart."
CHROMIUM = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
COMMAND = [sys.executable, "-m", "trailmark"]
SIZES = {"desktop": (1280, 860), "phone": (390, 844)}
PROJECT = "p/ada/penguins"
PAGES = {
    "projects": "",
    "new": "new",
    "import": "import",
    "overview": f"{PROJECT}/",
    "activity": f"{PROJECT}/activity",
    "search": f"{PROJECT}/activity?search=flipper",
    "environment": f"{PROJECT}/environment",
    "history": f"{PROJECT}/environment/history",
    "base": f"{PROJECT}/environment/base",
    "files": f"{PROJECT}/files/",
    "table": f"{PROJECT}/files/input/penguins.csv",
    "notebook": f"{PROJECT}/files/code/penguins.ipynb",
    "branches": f"{PROJECT}/branches",
    "settings": f"{PROJECT}/settings",
    "trash": "trash",
    "machine": "machine",
}


def main() -> None:
    """Work a little in a fresh home, and take the pictures."""
    with tempfile.TemporaryDirectory(prefix="trailmark-", ignore_cleanup_errors=True) as home:
        Path(home, "settings.toml").write_text('[person]\nname = "Ada Lovelace"\nemail = "ada@example.org"\n')
        environ = {**os.environ, "TRAILMARK_HOME": home, "LOGNAME": "ada", "USER": "ada"}
        trail(environ, "demo")
        cells = json.loads(trail(environ, "-C", "penguins", "log", "--json", "--kind", "cell"))
        bills = next(cell["id"] for cell in cells if cell["title"].startswith("Bill lengths"))
        trail(environ, "-C", "penguins", "note", bills, NOTE)
        client = subprocess.Popen(
            [*COMMAND, "start", "--no-browser", "--json"], env=environ, stdout=subprocess.PIPE, text=True
        )
        try:
            assert client.stdout is not None
            take(json.loads(client.stdout.readline())["url"], bills)
        finally:
            client.terminate()
            trail(environ, "-C", "penguins", "stop")


def trail(environ: dict[str, str], *arguments: str) -> str:
    """Give a command; return what it printed."""
    done = subprocess.run([*COMMAND, *arguments], env=environ, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def take(address: str, record: str) -> None:
    """Take the pictures of the client that this address opens; `record` is one worth a page."""
    base = address.partition("?")[0]
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 1640})
        page.goto(address)
        page.goto(f"{base}p/ada/penguins/activity")
        page.wait_for_timeout(2000)
        page.screenshot(path=IMAGES / "feed.png")
        pages = {**PAGES, "record": f"{PROJECT}/activity/{record}"}
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                take_pages(page, base, pages, f"{size}-{theme}")
        browser.close()


def take_pages(page: Page, base: str, pages: dict[str, str], ending: str) -> None:
    """Take every page as the browser is set now."""
    for name, path in pages.items():
        page.goto(base + path)
        page.wait_for_timeout(500)
        page.screenshot(path=IMAGES / "pages" / f"{name}-{ending}.jpg", type="jpeg", quality=70)


if __name__ == "__main__":
    main()
