"""A project's web apps as people write them, each kind opened in a real browser behind its gate."""

import json
import os
import subprocess
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest
from playwright.sync_api import Page, expect, sync_playwright
from tests.stories.test_tools import ARGUMENTS

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(600)]
PATIENCE = 30.0
PACKAGES = ("streamlit", "dash", "voila", "shiny", "ipykernel", "ipywidgets")
APPS = """
[[apps]]
name = "stream"
kind = "streamlit"
file = "code/stream.py"

[[apps]]
name = "board"
kind = "dash"
file = "code/board.py"

[[apps]]
name = "view"
kind = "voila"
file = "code/view.ipynb"

[[apps]]
name = "gleam"
kind = "shiny"
file = "code/gleam.py"

[[apps]]
name = "plain"
command = "python -m http.server {port} --bind 127.0.0.1 --directory input"
health = "/words.txt"
"""
FILES = {
    "input/words.txt": "words",
    "code/stream.py": """
        import streamlit
        streamlit.write(open("input/words.txt").read())
        if streamlit.button("Press"):
            open("output/stream.txt", "w").write("pressed")
            streamlit.write("pressed")
    """,
    "code/board.py": """
        from dash import Dash, Input, Output, html
        app = Dash(__name__)
        app.layout = html.Div([html.P(open("input/words.txt").read()), html.Button("Press", id="b"), html.P(id="p")])

        @app.callback(Output("p", "children"), Input("b", "n_clicks"), prevent_initial_call=True)
        def press(_):
            open("output/board.txt", "w").write("pressed")
            return "pressed"

        if __name__ == "__main__":
            app.run()
    """,
    "code/gleam.py": """
        from shiny import App, render, ui
        words = ui.p(open("input/words.txt").read())
        page = ui.page_fluid(words, ui.input_action_button("b", "Press"), ui.output_text("t"))

        def server(input, output, session):
            @render.text
            def t():
                if input.b():
                    open("output/gleam.txt", "w").write("pressed")
                    return "pressed"

        app = App(page, server)
    """,
}
VIEW = """
import ipywidgets
button = ipywidgets.Button(description="Press")
said = ipywidgets.Output()
def press(_):
    open("../output/view.txt", "w").write("pressed")
    with said:
        print("pressed")
button.on_click(press)
display(ipywidgets.HTML(open("../input/words.txt").read()), button, said)
"""


@pytest.fixture
def project(home: Path, trailmark: list[str]) -> Iterator[Path]:
    place = Path(call(trailmark, "new", "apps")["path"])
    for name, text in FILES.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(textwrap.dedent(text))
    (place / "output").mkdir(exist_ok=True)
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(VIEW)]), place / "code/view.ipynb"
    )
    with (place / "trailmark.toml").open("a") as stream:
        stream.write(APPS)
    call(trailmark, "-C", str(place), "env", "add", *PACKAGES)
    yield place
    call(trailmark, "-C", str(place), "stop")


@pytest.fixture
def page(chromium: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser.new_page()
        browser.close()


def call(trailmark: list[str], *arguments: str) -> Any:
    argv = [*trailmark, *arguments, "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_each_kind_of_app_and_a_command_of_ones_own(project: Path, trailmark: list[str], page: Page) -> None:
    in_project = ("-C", str(project))
    for name in ("stream", "board", "view", "gleam"):
        launched = call(trailmark, *in_project, "launch", "--app", name)
        assert httpx.get(address_of(launched), trust_env=False).status_code == 403
        page.goto(launched["url"])
        expect(page.get_by_text("words", exact=True)).to_be_visible(timeout=PATIENCE * 1000)
        page.get_by_role("button", name="Press").click()
        expect(page.get_by_text("pressed")).to_be_visible(timeout=PATIENCE * 1000)
        call(trailmark, *in_project, "stop", launched["session"])
        record = await_record(trailmark, in_project, name)
        assert "input/words.txt" in {file["path"] for file in record["reads"]}
        assert f"output/{name}.txt" in {file["path"] for file in record["writes"]}
    page.goto(call(trailmark, *in_project, "launch", "--app", "plain")["url"])
    expect(page.get_by_text("words.txt")).to_be_visible(timeout=PATIENCE * 1000)


def address_of(launched: dict[str, Any]) -> str:
    return launched["url"][: launched["url"].index("/", 8)] + "/"


def await_record(trailmark: list[str], where: tuple[str, ...], title: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = [one for one in call(trailmark, *where, "log", "--kind", "run") if one["title"] == title]
        if found:
            record: dict[str, Any] = found[0]
            return record
        time.sleep(0.3)
    raise AssertionError(f"{title} was not recorded")
