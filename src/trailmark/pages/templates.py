"""The Jinja environment that all pages are rendered with: strict, escaping, and told the time from outside."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import tzinfo
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from trailmark.pages import wording
from trailmark.pages.readme import plain_title

PAGES = Path(__file__).parent
STATIC = PAGES / "static"


def environment(
    more: Mapping[str, Path] | None = None,
    *,
    static: str = "/static",
    clock: Callable[[], float] = time.time,
    zone: tzinfo | None = None,
) -> Environment:
    """Return an environment where `pages/…` names the templates here and `KEY/…` those of `more[KEY]`.

    `static` is the address that `STATIC` is served at; `zone` the time zone of days and clocks, None for
    the machine's own.
    """
    folders = {"pages": FileSystemLoader([PAGES / "layout", PAGES])}
    folders.update({key: FileSystemLoader(folder) for key, folder in (more or {}).items()})
    made = Environment(
        loader=PrefixLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        ago=lambda at: wording.ago(at, clock()),
        clock_time=lambda at: wording.clock_time(at, zone),
        moment=lambda at: wording.moment(at, zone),
        day=lambda at: wording.day(at, zone),
        iso=wording.iso,
        duration=wording.duration,
        filesize=wording.filesize,
        plural=wording.plural,
        count=wording.count,
        initials=wording.initials,
        hue=wording.hue,
        shorten=wording.shorten,
        short_digest=wording.short_digest,
        plain_title=plain_title,
    )
    made.globals.update(static=lambda name: f"{static}/{name}?v={_version(STATIC / name)}")
    return made


@lru_cache(maxsize=64)
def _version(path: Path) -> str:
    """A few characters that change with the file, so that browsers may keep it for ever."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]
