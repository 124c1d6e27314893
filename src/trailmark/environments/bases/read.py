"""Read the description of a base, strictly: a field that is wrong or unknown is named, nothing is guessed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from trailmark.environments.bases.model import (
    LANGUAGES,
    MANAGERS,
    Base,
    Debootstrap,
    Download,
    Gpu,
    LocalImage,
    ManagerPart,
    RegistryImage,
    Source,
)
from trailmark.environments.managers.apt_lock import is_source
from trailmark.environments.model import parse_requirement
from trailmark.environments.snippets import LONGEST as LONGEST_SNIPPET
from trailmark.environments.snippets import Snippet, parse_snippet
from trailmark.errors import InvalidInput

LONGEST = 200_000
_LONGEST_TEXT = 4000
_MOST_ITEMS = 500
ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REFERENCE = re.compile(
    r"[a-z0-9]+([._-]+[a-z0-9]+)*(:[0-9]{1,5}(?=/))?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][\w.-]{0,127})?"
)
_WORD = re.compile(r"[a-z0-9][a-z0-9+._-]{0,63}")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]{0,31}")
_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ADDRESS = re.compile(r"https://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?/[\x21-\x7e]+")
_PACKAGE = re.compile(
    r"(((https|file):/)?[A-Za-z0-9/][\w./-]*::)?"
    r"[A-Za-z0-9][A-Za-z0-9+._-]*( ?[=<>!~]{1,2} ?[\w.*+~:-]+(, ?[=<>!~]{1,2} ?[\w.*+~:-]+)*)?"
)
_INSTALLED = re.compile(r"[A-Za-z0-9][\w+.:-]*( [0-9][\w.+~:-]*)?")
_PLACE = re.compile(r"(https?|file)://[\x21-\x7e]+|/[\x21-\x7e]+")
_CHANNEL = re.compile(r"[A-Za-z0-9][\w.-]*|https://[\x21-\x7e]+|(file://)?/[\x21-\x7e]+")


def parse_base(text: str, source: str) -> Base:
    """Read a base; `source` names its file in what is said. Raises InvalidInput that names the field."""
    if len(text) > LONGEST:
        raise InvalidInput(f"The base {source} is longer than {LONGEST:,} characters. {_MEND}")
    try:
        value = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The base {source} is not valid TOML: {error}. {_MEND}") from error
    table = _Table(value, source)
    base = Base(
        id=table.text("id", match=ID, example="python-minimal"),
        revision=table.number("revision"),
        title=table.line("title"),
        description=table.text("description", ""),
        icon=table.text("icon", "environment", match=_WORD),
        licence=table.line("licence", ""),
        architectures=table.texts("architectures", ("amd64",), match=_WORD),
        languages=_languages(table.table("languages")),
        tools=table.texts("tools", match=_WORD),
        source=_source(table),
        managers=_managers(table.table("managers")),
        downloads=tuple(_download(each) for each in table.tables("downloads")),
        snippets=_snippets(table),
        gpu=_gpu(table.table("gpu")) if table.has("gpu") else None,
    )
    table.done()
    return base


def _source(table: _Table) -> Source:
    given = [name for name in ("image", "debootstrap") if table.has(name)]
    if len(given) != 1:
        raise table.wrong("image", "be there, or a table “debootstrap” in its place, and not both")
    if given == ["debootstrap"]:
        return _debootstrap(table.table("debootstrap"))
    image = table.table("image")
    digest = image.optional("digest", match=_DIGEST, example="sha256:…, 64 hexadecimal digits")
    found: Source
    if image.has("local"):
        found = LocalImage(image.text("local", match=_REFERENCE, example="my-image:1"), digest)
    else:
        found = RegistryImage(image.text("reference", match=_REFERENCE, example="python:3.12-slim"), digest)
    image.done()
    return found


def _debootstrap(table: _Table) -> Debootstrap:
    recipe = Debootstrap(
        suite=table.text("suite", match=_WORD, example="bookworm"),
        variant=table.text("variant", "minbase", match=_WORD),
        include=table.texts("include", match=_WORD),
        components=table.texts("components", ("main",), match=_WORD),
        snapshot=table.optional("snapshot", match=_STAMP, example="20240501T000000Z"),
    )
    table.done()
    return recipe


def _languages(table: _Table) -> Mapping[str, str]:
    found = {name: table.text(name, match=_VERSION, example="3.12") for name in LANGUAGES if table.has(name)}
    table.done()
    return MappingProxyType(found)


def _managers(table: _Table) -> Mapping[str, ManagerPart]:
    found = {name: _manager(table.table(name), name) for name in MANAGERS if table.has(name)}
    table.done()
    return MappingProxyType(found)


def _manager(table: _Table, name: str) -> ManagerPart:
    dated = name in ("r", "apt")
    part = ManagerPart(
        preinstalled=table.texts("preinstalled", match=_INSTALLED),
        packages=table.texts("packages", match=None if name == "pip" else _PACKAGE),
        channels=_channels(table, name),
        snapshot=table.optional("snapshot", match=_DAY, example="2024-05-01") if dated else None,
    )
    for text in part.packages if name == "pip" else ():
        parse_requirement(text)
    table.done()
    return part


def _channels(table: _Table, name: str) -> tuple[str, ...]:
    if name == "apt":
        found = table.texts("channels", match=None)
        if not all(map(is_source, found)):
            raise table.wrong("channels", "hold lines of a sources list")
        return found
    return table.texts("channels", match=_CHANNEL if name == "conda" else _PLACE) if name != "pip" else ()


def _snippets(table: _Table) -> tuple[Snippet, ...]:
    found = [_snippet(each) for each in table.tables("snippets")]
    if len({one.name for one in found}) < len(found):
        raise table.wrong("snippets", "have a name of its own for each")
    return tuple(sorted(found, key=lambda one: one.name))


def _snippet(table: _Table) -> Snippet:
    snippet = parse_snippet(table.text("name"), table.text("text", longest=LONGEST_SNIPPET))
    digest = table.optional("sha256", match=_SHA256, example="64 hexadecimal digits")
    if digest not in (None, snippet.digest):
        raise table.wrong("sha256", f"be that of the text of {snippet.name}: it was changed since")
    table.done()
    return snippet


def _download(table: _Table) -> Download:
    file = Download(
        name=table.text("name", match=_WORD, example="rstudio-server"),
        url=table.text("url", match=_ADDRESS, example="https://…"),
        sha256=table.text("sha256", match=_SHA256, example="64 hexadecimal digits"),
        kind=table.text("kind", "deb", match=re.compile("deb|tar|file"), example="deb, tar or file"),
        tool=table.optional("tool", match=_WORD),
    )
    table.done()
    return file


def _gpu(table: _Table) -> Gpu:
    gpu = Gpu(table.text("cuda", match=_VERSION, example="12.4"), table.flag("required"))
    table.done()
    return gpu


class _Table:
    """A table of the file that is read field by field, and complains of what nobody asked for."""

    def __init__(self, value: Mapping[str, Any], file: str, where: str = "") -> None:
        self._value = value
        self._file = file
        self._where = where
        self._asked: set[str] = set()

    def has(self, key: str) -> bool:
        """Return whether the field is there."""
        return key in self._value

    def text(
        self,
        key: str,
        default: str | None = None,
        *,
        match: re.Pattern[str] | None = None,
        example: str = "",
        longest: int = _LONGEST_TEXT,
    ) -> str:
        """Return a text; without a default it must be there."""
        found = self._get(key, default)
        if not isinstance(found, str):
            raise self.wrong(key, f"be text, not {_kind(found)}")
        if len(found) > longest or "\0" in found:
            raise self.wrong(key, f"be at most {longest} characters that can be shown")
        if match is not None and found != default and not match.fullmatch(found):
            raise self.wrong(key, f"be written like “{example}”" if example else f"not be “{found[:60]}”")
        return found

    def line(self, key: str, default: str | None = None) -> str:
        """Return one line of text that is not empty, unless the default is."""
        found = " ".join(self.text(key, default).split())
        if not found and default is None:
            raise self.wrong(key, "not be empty")
        return found

    def optional(self, key: str, *, match: re.Pattern[str], example: str = "") -> str | None:
        """Return a text, None when it is not there."""
        self._asked.add(key)
        return self.text(key, match=match, example=example) if key in self._value else None

    def texts(
        self, key: str, default: tuple[str, ...] = (), *, match: re.Pattern[str] | None
    ) -> tuple[str, ...]:
        """Return a list of texts, each of its form."""
        found = self._get(key, list(default))
        if not isinstance(found, list) or len(found) > _MOST_ITEMS:
            raise self.wrong(key, f"be a list of at most {_MOST_ITEMS} texts")
        for each in found:
            if (
                not isinstance(each, str)
                or len(each) > _LONGEST_TEXT
                or (match and not match.fullmatch(each))
            ):
                raise self.wrong(key, f"hold only names, not “{str(each)[:60]}”")
        return tuple(found)

    def number(self, key: str) -> int:
        """Return a whole number above zero."""
        found = self._get(key, None)
        if not isinstance(found, int) or isinstance(found, bool) or not 0 < found < 1_000_000:
            raise self.wrong(key, "be a whole number from 1 to 999999")
        return found

    def flag(self, key: str) -> bool:
        """Return true or false; false when it is not there."""
        found = self._get(key, False)
        if not isinstance(found, bool):
            raise self.wrong(key, f"be true or false, not {_kind(found)}")
        return found

    def table(self, key: str) -> _Table:
        """Return a table, an empty one when it is not there."""
        found = self._get(key, {})
        if not isinstance(found, dict):
            raise self.wrong(key, f"be a table, not {_kind(found)}")
        return _Table(found, self._file, f"{self._where}{key}.")

    def tables(self, key: str) -> list[_Table]:
        """Return a list of tables."""
        found = self._get(key, [])
        if (
            not isinstance(found, list)
            or len(found) > _MOST_ITEMS
            or not all(isinstance(one, dict) for one in found)
        ):
            raise self.wrong(key, f"be written as [[{key}]]")
        return [_Table(one, self._file, f"{self._where}{key}[{n}].") for n, one in enumerate(found, start=1)]

    def done(self) -> None:
        """Complain of a field that nobody asked for. Raises InvalidInput."""
        unknown = sorted(self._value.keys() - self._asked)
        if unknown:
            raise InvalidInput(
                f"The base {self._file} has “{self._where}{unknown[0][:60]}”, which no base has. {_MEND}"
            )

    def wrong(self, key: str, must: str) -> InvalidInput:
        """Return the error that says what a field must be."""
        return InvalidInput(f"“{self._where}{key}” in the base {self._file} must {must}. {_MEND}")

    def _get(self, key: str, default: object) -> object:
        self._asked.add(key)
        if key not in self._value and default is None:
            raise self.wrong(key, "be there")
        return self._value.get(key, default)


_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a table",
}
_MEND = "Nothing was changed; mend that file."


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a date")
