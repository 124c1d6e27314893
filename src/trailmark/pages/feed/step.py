"""One step of the feed from one row of the index."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from markupsafe import Markup, escape

from trailmark.activity import FileRef, OutputRef, Record
from trailmark.activity.index import MISSING, OUTSIDE, Row
from trailmark.pages.ansi import strip_ansi
from trailmark.pages.feed.model import Excerpt, FileChip, Source, Step, Thumb, Tone, Who
from trailmark.pages.highlight import highlight
from trailmark.pages.kinds import code_language, kind_icon, kind_label, tool_label
from trailmark.pages.links import Links
from trailmark.pages.readme import plain_title, render_markdown
from trailmark.pages.who import person_name, program_name
from trailmark.pages.wording import filesize

CODE_LINES = 7
TEXT_LINES = 4
SPARED_LINES = 2
THUMBS = 4
CHIPS = 6
QUIET_SECONDS = 10.0
_LINE_LENGTH = 400
_WITH_CODE = frozenset({"cell", "expression", "command", "run"})
_PROMPTED = frozenset({"command", "run"})
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"})
_NOISE = re.compile(r"^<(Figure size|Axes|matplotlib\.|AxesSubplot|IPython\.)[^\n]*>$")
_COMMENT = re.compile(r"^#+\s*(\S.*?)\s*#*$")
_NO_PROSE = ("%", "!", "-*-", "type:", "noqa")
_NAMED = {
    "text/html": "HTML view",
    "application/pdf": "PDF",
    "text/latex": "formula",
    "application/javascript": "interactive",
    "application/vnd.plotly.v1+json": "interactive figure",
    "application/vnd.jupyter.widget-view+json": "widget",
    "application/json": "JSON",
}
_TONES: dict[str, Tone] = {
    "note": "sticky",
    "rollback": "strong",
    "branch": "strong",
    "merge": "strong",
    "environment": "strong",
    "project": "strong",
    "import": "strong",
    OUTSIDE: "faint",
}
_STATUS_TONES: dict[str, Tone] = {"error": "bad", "interrupted": "warn", "aborted": "faint", "lost": "faint"}


def build_step(row: Row, links: Links, *, me: str | None = None) -> Step:
    """Return how a record looks in the feed; `me` is the person whose name goes without saying."""
    has_code = row.kind in _WITH_CODE and bool((row.code or "").strip())
    title = plain_title(row.title, row.kind)
    headline, code = _headline(row) if has_code else (title, None)
    thumbs = _thumbs(row, links)
    chips = _chips(row, links)
    text = None if row.kind == "note" else _text_excerpt(row.text or "")
    return Step(
        id=row.id,
        kind=row.kind,
        icon=kind_icon(row.kind),
        kind_label=kind_label(row.kind),
        tone=_tone(row),
        href=links.record(row.id) if row.is_record else links.files(at=row.id),
        title=title,
        headline=headline,
        prompt=row.kind in _PROMPTED,
        status=row.status,
        at=row.started,
        seconds=row.seconds,
        tool=None if row.tool == "trailmark" or (row.kind == "cell" and row.source) else tool_label(row.tool),
        source=source_of(row, links),
        who=who_of(row, me),
        code=code,
        text=text,
        error=_last_line(row.error),
        problem=_problem(row),
        note=_note(row),
        notes=row.notes,
        about=links.record(str(row.detail["about"])) if row.detail.get("about") else None,
        continues=links.record(row.continues) if row.continues else None,
        thumbs=thumbs[:THUMBS],
        more_thumbs=max(0, len(thumbs) - THUMBS),
        extras=_extras(row.outputs),
        files=chips[:CHIPS],
        more_files=max(0, len(chips) - CHIPS),
        quiet=_is_quiet(row, has_code, thumbs, chips, text),
        place=place_of(row),
    )


def place_of(row: Row) -> str:
    """Return what quiet steps must share to be folded into one: the file, else the kind."""
    path = (row.source or "").partition("#")[0]
    return path or (_saved_notebook(row) if row.kind == "files" else None) or row.kind


def _tone(row: Row) -> Tone:
    if row.kind == MISSING or row.detail.get("damaged"):
        return "bad"
    return _STATUS_TONES.get(row.status) or _TONES.get(row.kind, "plain")


def source_of(record: Record, links: Links, *, at: str | None = None) -> Source | None:
    """Return where a record's code stands, now or `at` a record; None when it stands nowhere."""
    if not record.source:
        return None
    path = record.source.partition("#")[0]
    return Source(path, path.rsplit("/", 1)[-1], links.files(path, at=at), record.execution_count)


def who_of(row: Row, me: str | None) -> Who | None:
    """Return who did it when it was a program or somebody else than `me`."""
    program = program_name(row.actor)
    if program is not None:
        return Who(program, program=True)
    name = person_name(row.author)
    return Who(name) if me is not None and name != me else None


def comment_of(kind: str, code: str) -> str | None:
    """Return the comment in prose that code begins with, None when it begins otherwise or is nothing else."""
    first, _, rest = code.strip("\n").partition("\n")
    match = _COMMENT.match(first) if kind in ("cell", "expression") and rest.strip() else None
    return match[1] if match and not match[1].startswith(_NO_PROSE) else None


def _headline(row: Row) -> tuple[str | None, Excerpt | None]:
    """A first comment in prose becomes the headline of the code below it; else the code speaks for itself."""
    comment = comment_of(row.kind, row.code or "")
    lines = (row.code or "").strip("\n").split("\n")[1 if comment else 0 :]
    while lines and not lines[0].strip():
        lines = lines[1:]
    return comment, _code_excerpt(lines, row)


def _code_excerpt(lines: list[str], row: Row) -> Excerpt | None:
    if not lines:
        return None
    shown, more = _beginning(lines, CODE_LINES)
    return Excerpt(highlight(shown.rstrip(), code_language(row.kind, row.language)), more)


def _text_excerpt(text: str) -> Excerpt | None:
    lines = [line.rstrip() for line in strip_ansi(text[:20_000]).split("\n") if not _NOISE.match(line)]
    while lines and not lines[0]:
        lines = lines[1:]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        return None
    shown, more = _beginning(lines, TEXT_LINES)
    return Excerpt(Markup(escape(shown)), more)


def _beginning(lines: list[str], wanted: int) -> tuple[str, int]:
    """Return the first lines and how many follow; a few more are shown rather than hidden."""
    number = len(lines) if len(lines) <= wanted + SPARED_LINES else wanted
    return "\n".join(line[:_LINE_LENGTH] for line in lines[:number]), len(lines) - number


def _last_line(error: str | None) -> str | None:
    lines = [line.strip() for line in strip_ansi(error or "").split("\n") if line.strip()]
    return lines[-1][:_LINE_LENGTH] if lines else None


def _note(row: Row) -> Markup | None:
    return _prose(row.text or row.title) if row.kind == "note" else None


@lru_cache(maxsize=512)
def _prose(text: str) -> Markup:
    return render_markdown(text, level=4)


def _problem(row: Row) -> str | None:
    if row.kind == MISSING:
        return (
            "The commit names a record that is not here: fetch the records' refs, or ask `trailmark verify`."
        )
    if row.detail.get("damaged"):
        return "This record cannot be read any more. `trailmark verify` says what is wrong."
    return None


def _thumbs(row: Row, links: Links) -> tuple[Thumb, ...]:
    """Return the figures: of a display in several forms the first image counts."""
    seen: set[int] = set()
    found: list[Thumb] = []
    for number, output in enumerate(row.outputs):
        if output.mime in _IMAGES and output.group not in seen:
            seen.add(output.group)
            found.append(Thumb(links.output(row.id, number), f"Figure {len(found) + 1} of {row.title[:80]}"))
    return tuple(found)


def _extras(outputs: Iterable[OutputRef]) -> tuple[str, ...]:
    """Name the outputs that the feed does not show."""
    groups: dict[int, set[str]] = {}
    for output in outputs:
        groups.setdefault(output.group, set()).add(output.mime)
    words: dict[str, int] = {}
    for mimes in groups.values():
        if not mimes & _IMAGES:
            word = next((_NAMED[mime] for mime in reversed(_NAMED) if mime in mimes), None)
            if word:
                words[word] = words.get(word, 0) + 1
    return tuple(word if number == 1 else f"{number} × {word}" for word, number in words.items())


def _chips(row: Row, links: Links) -> tuple[FileChip, ...]:
    written = {file.path for file in row.writes}
    chips = (
        *(_chip("read", file, row.id, links) for file in row.reads if file.path not in written),
        *(_chip("write", file, row.id, links) for file in row.writes),
        *(FileChip("deleted", path.rsplit("/", 1)[-1], path, None) for path in row.deletes),
    )
    names = Counter(chip.name for chip in chips)
    return tuple(chip if names[chip.name] == 1 else replace(chip, name=chip.path) for chip in chips)


_LARGE = 1_000_000


def _why_not_held(file: FileRef) -> str:
    if file.open:
        return "still open when it ended"
    if file.bytes is None:
        return "changed since"
    is_large = file.bytes >= _LARGE
    return f"{filesize(file.bytes)}, too large for git" if is_large else "not held by git"


def _chip(role: str, file: FileRef, record: str, links: Links) -> FileChip:
    notes = [
        "outside the project" if file.external else "",
        "perhaps another program" if file.candidate else "",
        _why_not_held(file) if not file.held else "",
    ]
    reachable = file.held and not file.external
    return FileChip(
        role="write" if role == "write" else "read",
        name=file.path.rsplit("/", 1)[-1],
        path=file.path,
        href=links.files(file.path, at=record) if reachable else None,
        note=", ".join(note for note in notes if note) or None,
    )


def _is_quiet(
    row: Row, has_code: bool, thumbs: tuple[Thumb, ...], chips: tuple[FileChip, ...], text: Excerpt | None
) -> bool:
    """Tell whether a reader may pass over it: short, went well, touched and showed nothing to look at."""
    if row.kind == "files" and _saved_notebook(row):
        return True
    if not has_code or row.status != "ok" or row.seconds >= QUIET_SECONDS or row.actor != "person":
        return False
    short = len((row.code or "").strip().split("\n")) <= 4 and (text is None or text.more == 0)
    return short and not thumbs and not chips and not row.continues and not row.notes


def _saved_notebook(row: Row) -> str | None:
    """Return the notebook whose saving is all that happened, None when more did."""
    only = row.writes[0].path if len(row.writes) == 1 and not row.deletes and not row.notes else ""
    return only if only.endswith(".ipynb") else None


def gist(step: Step) -> str:
    """Say in a few words what a quiet step was."""
    return step.headline or step.title
