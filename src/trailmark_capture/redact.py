"""Takes the values of secrets out of what is about to be written down.

A secret is known by its name and value. Its value is found as it is, and in the forms in which programs show
it: escaped in JSON or in a Python literal, percent-encoded, and inside base64 (as in a basic authorisation).

Standard library only, Python 3.8 or later.
"""

import base64
import json
import os
import re
from pathlib import Path
from typing import Any, Collection, Dict, Iterator, Mapping, Optional, Tuple
from urllib.parse import quote, quote_plus

MINIMUM = 4
_TELLING = 8
_ENCODED_MINIMUM = 8
_LINE_MINIMUM = 16
# What an entry is known and joined by; a secret that happens to be such a word must not break it.
_IDENTITY = frozenset(
    (
        "actor", "cell", "continues", "engine", "ended", "environment", "execution_count", "exit_code",
        "files_by", "files_log", "id", "kind", "language", "notebook", "pid", "reads", "writes", "deletes",
        "session", "source", "started", "status", "tool", "type", "v"
    )
)  # fmt: skip
_OUTPUT = frozenset(("mime", "base64", "truncated"))
_NOTEBOOK_OUTPUT = frozenset(("output_type",))
_FIELDS = frozenset(
    (
        "code", "title", "outputs", "error", "notebook_outputs", "resources", "text", "name", "value",
        "traceback", "group", "frames", "data", "metadata", "ename", "evalue"
    )
)  # fmt: skip
_BINARY = re.compile(r"(image/(?!svg)|audio/|video/|application/(pdf|octet-stream))")


class Redactor:
    """Replaces each secret's value by ``[secret NAME]``. A value once known stays known."""

    def __init__(self, secrets: Optional[Mapping[str, str]] = None, path: Optional[Path] = None) -> None:
        self._path = path
        self._stamp: Optional[Tuple[int, int, int]] = None
        self._names: Dict[str, str] = {}
        self._set(secrets or {})
        self._refresh()

    def text(self, text: str) -> str:
        """Return text without the values of secrets."""
        self._refresh()
        return self._replaced(text)

    def entry(self, entry: Mapping[str, Any]) -> Dict[str, Any]:
        """Return a journal entry without the values of secrets in whatever people and programs wrote."""
        self._refresh()
        return self._mapping(entry, _IDENTITY) if self._names else dict(entry)

    def _replaced(self, text: str) -> str:
        found = [form for form in self._names if form in text]
        if not found:
            return text
        pattern = "|".join(re.escape(form) for form in found)
        return re.sub(pattern, lambda match: "[secret {}]".format(self._names[match.group()]), text)

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._replaced(value)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, (list, tuple)):
            return [self._value(item) for item in value]
        return value

    def _mapping(self, mapping: Mapping[str, Any], untouched: Collection[str] = ()) -> Dict[str, Any]:
        if "mime" in mapping:
            untouched = _OUTPUT
        elif "output_type" in mapping:
            untouched = _NOTEBOOK_OUTPUT
        redacted: Dict[str, Any] = {}
        for key, value in mapping.items():
            if key in untouched or _BINARY.match(key):
                redacted[key] = value
            else:
                redacted[key if _is_ours(key) else self._replaced(key)] = self._value(value)
        return redacted

    def _refresh(self) -> None:
        """Read the file of secrets again when it is another than before. One that is half written is left."""
        if self._path is None:
            return
        try:
            status = os.stat(str(self._path))
        except OSError:
            return
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if stamp == self._stamp:
            return
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        if isinstance(stored, dict):
            self._set(stored)
            self._stamp = stamp

    def _set(self, secrets: Mapping[str, Any]) -> None:
        forms: Dict[str, str] = {}
        for name, value in secrets.items():
            if isinstance(value, str) and len(value) >= MINIMUM:
                for form in forms_of(value):
                    forms.setdefault(form, name)
        known = dict(self._names, **forms)
        self._names = {form: known[form] for form in sorted(known, key=len, reverse=True)}


def is_telling(value: str) -> bool:
    """Return whether a secret's value can be no ordinary word: nobody else writes it by chance."""
    return len(value) >= _TELLING and not value.isalpha()


def forms_of(value: str) -> Iterator[str]:
    """Yield a value and the forms in which programs show it."""
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    if value.strip() != value and len(value.strip()) >= MINIMUM:
        yield value.strip()
    yield from (line for line in value.splitlines() if len(line) >= _LINE_MINIMUM)
    if len(value) >= _ENCODED_MINIMUM:
        yield quote(value, safe="", errors="replace")
        yield quote_plus(value, errors="replace")
        yield from _base64_forms(value.encode("utf-8", "surrogatepass"))


def _is_ours(key: str) -> bool:
    """Return whether a key is a MIME type or one of the names that the journal's and nbformat's fields have."""
    return "/" in key or key in _FIELDS


def _base64_forms(value: bytes) -> Iterator[str]:
    """Yield what is certain to appear of a value inside base64, for each of the three ways it can lie there."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            encoded = encode(b"\0" * before + value).decode("ascii")
            first = -(-before * 8 // 6)
            last = (before + len(value)) * 8 // 6
            yield encoded[first:last]
