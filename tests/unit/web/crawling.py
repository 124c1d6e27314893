"""Walking through the client's pages as a browser would, and looking at each page's bones."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

from fastapi.testclient import TestClient

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_SHAPES = {"path", "circle", "use", "ellipse", "rect", "line"}
_LABELLED = {"aria-label", "aria-labelledby", "title"}


@dataclass
class Page:
    """What a page holds, as far as the tests look."""

    path: str
    status: int
    links: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.labels: set[str] = set()
        self.fields: list[dict[str, str | None]] = []
        self.headings: list[int] = []
        self.in_label = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in _VOID and tag not in _SHAPES:
            if tag == "form" and "form" in self.open:
                self.fault("a form within a form")
            self.open.append(tag)
        self._look(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID or tag in _SHAPES:
            return
        if not self.open or self.open[-1] != tag:
            self.fault(f"</{tag}> closes {self.open[-1:]}")
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def _look(self, tag: str, given: dict[str, str | None]) -> None:
        identity = given.get("id")
        if identity is not None:
            if identity in self.ids:
                self.fault(f"the id {identity} twice")
            self.ids.add(identity)
        if tag == "script" and not given.get("src"):
            self.fault("an inline script")
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.fault(f"an inline style or handler on {tag}")
        if tag == "img" and "alt" not in given:
            self.fault("a picture without alt")
        if tag == "iframe" and given.get("sandbox") not in ("", "allow-scripts"):
            self.fault("a frame that is no sandbox")
        if tag == "label":
            self.labels.add(given.get("for") or "")
        if tag in ("input", "textarea", "select") and given.get("type") not in ("hidden", "submit"):
            self.fields.append({**given, "inside": "label" if "label" in self.open else None})
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(int(tag[1]))
        for name in ("href", "src"):
            address = given.get(name)
            if address and tag not in ("use",):
                self.page.links.add(urldefrag(urljoin(self.page.path, address)).url)

    def finish(self) -> None:
        for one in self.fields:
            named = one.get("id") in self.labels or one["inside"] or _LABELLED & one.keys()
            if not named:
                self.fault(f"the field {one.get('name')} has no label")
        if self.headings.count(1) != 1:
            self.fault(f"{self.headings.count(1)} first headings")
        if self.open:
            self.fault(f"{self.open} never closed")

    def fault(self, what: str) -> None:
        self.page.faults.append(what)


def read_page(path: str, status: int, html: str) -> Page:
    """Return a page's links, and what is wrong with it."""
    page = Page(path, status)
    reader = _Reader(page)
    reader.feed(html)
    reader.finish()
    return page


def crawl(http: TestClient, start: str, *, most: int = 200) -> list[Page]:
    """Follow every link of the client from `start` on; return the pages that were seen."""
    waiting, seen, pages = [start], {start}, []
    while waiting and len(pages) < most:
        path = waiting.pop(0)
        answer = http.get(path, headers={"Accept": "text/html"}, follow_redirects=True)
        kind = answer.headers.get("content-type", "")
        isolated = "sandbox" in answer.headers.get("content-security-policy", "")
        if isolated or "text/html" not in kind:
            pages.append(Page(path, answer.status_code))
            continue
        page = read_page(path, answer.status_code, answer.text)
        pages.append(page)
        for link in sorted(page.links):
            if not urlsplit(link).netloc and link.startswith("/") and link not in seen:
                seen.add(link)
                waiting.append(link)
    return pages
