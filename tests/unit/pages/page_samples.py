"""Rows, records and a way to look into rendered pages, for the tests of pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any

from jinja2 import Environment

from trailmark.activity import OutputRef, Record, RecordId, StoredRecord
from trailmark.activity.index import Row
from trailmark.git import Oid
from trailmark.pages import templates
from trailmark.pages.frame import Frame, Masthead, ProjectChoice
from trailmark.pages.links import Links

NOW = 1795435200.0 - 2 * 3600  # Monday 23 November 2026, 10:00 UTC
LINKS = Links.of("ada", "penguins")
HOSTILE = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>"
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


def row(number: int = 1, *, ago: float = 0.0, **facts: Any) -> Row:
    """Return a row that happened `ago` seconds before NOW."""
    settled: dict[str, Any] = {
        "id": RecordId(f"01K{number:023d}"),
        "kind": "cell",
        "title": "penguins.head()",
        "status": "ok",
        "started": NOW - ago,
        "seconds": 0.1,
        "author": "Ada Lovelace <ada@example.org>",
        "tool": "jupyterlab",
        "source": "code/analysis.ipynb#c1",
        "language": "python",
        "execution_count": 3,
        "code": "penguins.head()",
        **facts,
    }
    return Row(**settled)


def figure(group: int = 0, mime: str = "image/png") -> OutputRef:
    """Return a picture among the outputs."""
    return OutputRef(mime, 40_000, "d" * 64, "outputs/000.png", group=group)


def text_output(mime: str = "text/plain", **facts: Any) -> OutputRef:
    """Return a text among the outputs."""
    return OutputRef(mime, 100, "e" * 64, "outputs/001.txt", **facts)


def stored(
    code: str | None = "1 + 1", text: str | None = None, error: str | None = None, **facts: Any
) -> StoredRecord:
    """Return a stored record."""
    settled: dict[str, Any] = {
        "id": RecordId("01KRECORD"),
        "kind": "cell",
        "title": "1 + 1",
        "status": "ok",
        "started": NOW,
        "seconds": 0.5,
        "author": "Ada Lovelace <ada@example.org>",
        **facts,
    }
    return StoredRecord(Record(**settled), Oid("t" * 40), code, text, error)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the templates with a clock that stands still."""
    return templates.environment(clock=lambda: NOW, zone=UTC)


def frame(**facts: Any) -> Frame:
    """Return the frame of a project's page."""
    masthead = Masthead("ada", "penguins", "Three species", tab="activity", **facts)
    return Frame(
        csrf="token", person="Ada Lovelace", projects=(ProjectChoice("ada", "penguins"),), project=masthead
    )


@dataclass
class Element:
    """An element of a page: its attributes, and all text inside it."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""


class Page(HTMLParser):
    """A rendered page to ask questions of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def find(self, tag: str, **wanted: str) -> list[Element]:
        """Return the elements of a tag whose attributes hold each wanted word (`_` stands for `-`)."""
        return [
            element
            for element in self.elements
            if element.tag == tag
            and all(
                word in (element.attributes.get(name.strip("_").replace("_", "-")) or "").split()
                for name, word in wanted.items()
            )
        ]

    def one(self, tag: str, **wanted: str) -> Element:
        """Return the one element that fits."""
        found = self.find(tag, **wanted)
        assert len(found) == 1, f"{len(found)} elements fit <{tag}> {wanted}"
        return found[0]


def assert_inert(html: str) -> None:
    """Fail when a page holds script or style of its own, or an attribute that acts."""
    for element in Page(html).elements:
        assert element.tag not in ("style", "object", "embed", "base"), element
        assert not [name for name in element.attributes if name.startswith("on") or name == "style"], element
        if element.tag == "script":
            assert (element.attributes.get("src") or "").startswith("/static/"), element
            assert not element.text.strip(), element
        for name in ("href", "src", "action"):
            address = (element.attributes.get(name) or "").strip().lower()
            assert not address.startswith(("javascript:", "vbscript:", "data:text")), element
        if element.tag == "iframe":
            assert element.attributes.get("sandbox") == "allow-scripts", element
