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

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
NOTE = "Bills of Adelie and Gentoo hardly overlap: this alone tells them apart."
CHROMIUM = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
COMMAND = [sys.executable, "-m", "trailmark"]


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
            take(json.loads(client.stdout.readline())["url"])
        finally:
            client.terminate()
            trail(environ, "-C", "penguins", "stop")


def trail(environ: dict[str, str], *arguments: str) -> str:
    """Give a command; return what it printed."""
    done = subprocess.run([*COMMAND, *arguments], env=environ, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def take(address: str) -> None:
    """Take the pictures of the client that this address opens."""
    base = address.partition("?")[0]
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 1640})
        page.goto(address)
        page.goto(f"{base}p/ada/penguins/activity")
        page.wait_for_timeout(2000)
        page.screenshot(path=IMAGES / "feed.png")
        browser.close()


if __name__ == "__main__":
    main()
