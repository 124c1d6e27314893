"""Records as text for people: the trail day by day, and one record in full."""

import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from trailmark.activity.index import Row
from trailmark.cli.output import clean, duration, faint, fields, moment, one_line, size, status, strong, table
from trailmark.cli.record_id import short

_WIDTH = 60
_LINES = 40


def listing(rows: Sequence[Row], count: int) -> str:
    """Return the trail, newest first, grouped by day; `count` is how many records there are in all."""
    if not rows:
        return "No record is like that." if count == 0 else "Nothing older."
    days = [
        f"{strong(day)}\n{table([_row(row) for row in group])}"
        for day, group in groupby(
            rows, key=lambda row: time.strftime("%A, %Y-%m-%d", time.localtime(row.started))
        )
    ]
    text = "\n\n".join(days)
    if count > len(rows):
        text += f"\n\n{faint(f'{len(rows)} of {count}. The next page: --before {short(rows[-1].id)}')}"
    return text


def _row(row: Row) -> tuple[str, ...]:
    clock = time.strftime("%H:%M", time.localtime(row.started))
    ended = status(row.status) if row.status != "ok" else ""
    title = one_line(row.title, _WIDTH)
    return (
        faint(short(row.id)),
        clock,
        row.kind,
        title,
        ended,
        faint(duration(row.seconds)),
        faint(_where(row)),
    )


def _where(row: Row) -> str:
    wrote = ", ".join(file.path for file in row.writes[:2]) + (" …" if len(row.writes) > 2 else "")
    source = (row.source or "").partition("#")[0]
    where = one_line(f"{source} → {wrote}" if wrote and source else wrote or source, _WIDTH)
    by = "" if row.actor == "person" else f"by {one_line(row.actor.removeprefix('program:'), _WIDTH)}"
    return "  ".join(filter(None, (where, by)))


def record(value: dict[str, Any]) -> str:
    """Return one record in full, from its data."""
    author = value["author"] if value["actor"] == "person" else f"{value['author']} ({value['actor']})"
    facts = fields(
        {
            "id": value["id"],
            "kind": value["kind"],
            "status": status(value["status"]),
            "started": moment(value["started"]),
            "took": duration(value["seconds"]),
            "by": clean(author),
            "with": value["tool"] or "",
            "code in": clean(value["source"] or ""),
            "exit code": "" if value["exit_code"] is None else str(value["exit_code"]),
            "environment": (value["environment"] or "")[:12],
            "commit": (value["commit"] or "")[:12],
            "on branch": clean(", ".join(value["branches"])),
            "continues": value["continues"] or "",
        }
    )
    parts = [strong(one_line(value["title"], 100)), facts]
    for heading, files in (("Read", value["reads"]), ("Wrote", value["writes"])):
        parts += _section(heading, table([_file(file) for file in files]))
    parts += _section("Deleted", "\n".join(map(clean, value["deletes"])))
    parts += _section("Outputs", table([_output(*each) for each in enumerate(value["outputs"])]))
    for heading, text in (("Code", value["code"]), ("Text", value["text"]), ("Error", value["error"])):
        parts += _section(heading, _excerpt(text))
    return "\n\n".join(parts)


def _section(heading: str, text: str) -> Iterable[str]:
    if not text:
        return []
    body = "\n".join(f"  {line}" for line in text.splitlines())
    return [f"{strong(heading)}\n{body}"]


def _file(file: dict[str, Any]) -> tuple[str, str, str, str]:
    remarks = [word for word in ("external", "candidate") if file.get(word)]
    if file.get("open"):
        remarks.append("still open")
    elif file.get("held") is False:
        remarks.append("not held by git")
    count = size(file["bytes"]) if file["bytes"] is not None else ""
    return clean(file["path"]), count, faint((file["digest"] or "")[:12]), faint(", ".join(remarks))


def _output(number: int, output: dict[str, Any]) -> tuple[str, str, str, str]:
    cut = output.get("truncated")
    remark = f"head and tail of {size(cut['bytes'])}" if cut else ""
    return str(number), output["name"] or output["mime"], size(output["bytes"]), faint(remark)


def _excerpt(text: str | None) -> str:
    lines = clean(text or "").rstrip().splitlines()
    if len(lines) <= _LINES:
        return "\n".join(lines)
    left = len(lines) - _LINES
    return "\n".join([*lines[:_LINES], faint(f"… {left} more lines: --json shows all")])
