"""Markdown as safe HTML. What was written is a stranger's word: it is rendered, then sanitised."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from html import unescape
from posixpath import normpath
from urllib.parse import unquote, urlsplit

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from trailmark.pages.highlight import highlight
from trailmark.pages.links import Links

LONGEST_CHARACTERS = 400_000
_TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em", "figcaption"),
    *("figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre"),
    *("q", "s", "samp", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th"),
    *("thead", "tr", "ul", "var"),
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align", "scope"},
    "div": {"class"},
    "span": {"class"},
    "pre": {"class"},
    "code": {"class"},
}
_CLASS = re.compile(r"code|task|k[a-z]?|[a-z][a-z0-9]?[a-z0-9]?")
_BULLET = re.compile(r"^\s*(?:[-*+>]\s+)+")
_ALIGNMENT = re.compile(r"text-align:\s*(left|right|center)")
Address = Callable[[str], "str | None"]


def render_markdown(
    text: str, *, link: Address | None = None, image: Address | None = None, level: int = 2
) -> Markup:
    """Return Markdown as HTML that holds no script, no style, no form and no frame.

    `link` and `image` turn a path relative to the document's folder into an address, or None to leave the
    element without one. Without `image` only pictures that the text itself holds (data:) are shown: a page
    never loads anything from elsewhere. `level` is that of the highest heading.
    """
    html = _parser().render(text[:LONGEST_CHARACTERS])
    html = _shift_headings(_ALIGNMENT.sub("", html), level)

    def attribute(element: str, name: str, value: str) -> str | None:
        match element, name:
            case "img", "src":
                return _picture(value, image)
            case "a", "href":
                return _target(value, link)
            case _, "class":
                return " ".join(word for word in value.split() if _CLASS.fullmatch(word)) or None
        return value

    return Markup(
        nh3.clean(
            html,
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            attribute_filter=attribute,
            url_schemes={"http", "https", "mailto", "data"},
            link_rel="noopener noreferrer nofollow",
            strip_comments=True,
        )
    )


def plain_title(title: str, kind: str | None = "note") -> str:
    """Return the title of a record as plain text: a note's is the first line of its Markdown, any other as it is."""
    if kind != "note":
        return title
    html = _parser().renderInline(_BULLET.sub("", title))
    words = unescape(nh3.clean(html, tags=set())).split()
    return " ".join(words) or title


def render_document(text: str, path: str, links: Links, *, at: str | None = None, level: int = 2) -> Markup:
    """Return a Markdown file of a project as safe HTML; its links and pictures lead to the project's files."""
    folder = path.rpartition("/")[0]

    def resolve(relative: str) -> str | None:
        joined = normpath(f"{folder}/{relative}") if folder else relative
        return None if joined.startswith(("..", "/")) else joined

    def link(relative: str) -> str | None:
        target = resolve(relative)
        return None if target is None else links.files(target, at=at)

    def image(relative: str) -> str | None:
        target = resolve(relative)
        return None if target is None else links.raw(target, at=at)

    return render_markdown(text, link=link, image=image, level=level)


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt(
        "commonmark",
        {"html": True, "linkify": False, "typographer": False, "highlight": _highlight, "maxNesting": 50},
    ).enable(["table", "strikethrough"])


def _highlight(code: str, language: str, _attributes: str) -> str:
    return f'<pre class="code"><code>{highlight(code.rstrip(), language)}</code></pre>'


def _shift_headings(html: str, level: int) -> str:
    def shifted(match: re.Match[str]) -> str:
        return f"<{match[1]}h{min(6, int(match[2]) + level - 1)}>"

    return re.sub(r"<(/?)h([1-6])>", shifted, html)


def _picture(value: str, image: Address | None) -> str | None:
    if re.match(r"data:image/(png|jpeg|gif|webp);base64,", value):
        return value
    path = _relative(value)
    return image(path) if path is not None and image is not None else None


def _target(value: str, link: Address | None) -> str | None:
    if re.match(r"(https?://|mailto:)", value, re.IGNORECASE) or value.startswith("#"):
        return value
    path = _relative(value)
    return link(path) if path is not None and link is not None else None


def _relative(value: str) -> str | None:
    """Return a reference as a path below the document's folder or its parents, None for anything else."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    if parts.scheme or parts.netloc or value.startswith(("/", "\\")) or not parts.path:
        return None
    return normpath(unquote(parts.path))
