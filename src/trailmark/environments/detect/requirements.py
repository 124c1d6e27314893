"""Read pip's requirements files, with what they include."""

import posixpath
import re
from collections.abc import Iterator, Mapping

from trailmark.environments.detect.found import Found

_COMMENT = re.compile(r"(^|\s)#.*$")
_INLINE_OPTION = re.compile(r"\s--?[A-Za-z][\w-]*(=|\s).*$")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9][A-Za-z0-9._-]*)")
_INCLUDE = re.compile(r"^(-r|--requirement)[\s=]*(?P<path>.+)$")
_CONSTRAINT = re.compile(r"^(-c|--constraint)[\s=]*(?P<path>.+)$")
_EDITABLE = re.compile(r"^(-e|--editable)[\s=]*(?P<what>.+)$")
_URL = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_DEEPEST = 10


def read_requirements(files: Mapping[str, str], path: str) -> Found:
    """Return what a requirements file asks for."""
    found = Found(path)
    _read(files, path, found, (path,))
    return found


def _read(files: Mapping[str, str], path: str, found: Found, trail: tuple[str, ...]) -> None:
    for line in _lines(files[path]):
        include = _INCLUDE.match(line)
        if include:
            _include(files, posixpath.join(posixpath.dirname(path), include["path"].strip()), found, trail)
        elif line.startswith("-"):
            _option(line, found)
        else:
            _package(line, found)


def _include(files: Mapping[str, str], path: str, found: Found, trail: tuple[str, ...]) -> None:
    target = posixpath.normpath(path)
    if target in trail or len(trail) > _DEEPEST:
        return
    if target in files:
        _read(files, target, found, (*trail, target))
    else:
        found.note(f"it includes {target}, which is not there")


def _option(line: str, found: Found) -> None:
    constraint, editable = _CONSTRAINT.match(line), _EDITABLE.match(line)
    if constraint:
        found.note(f"the limits in {constraint['path'].strip()} are not taken over")
    elif editable and _URL.match(editable["what"]):
        _package(editable["what"], found)
    elif editable:
        found.note(
            f"the local folder “{editable['what'].strip()}” is not installed; its code is in the project"
        )
    else:
        found.note(f"the option {line.split('=', maxsplit=1)[0].split(maxsplit=1)[0]} is not taken over")


def _package(line: str, found: Found) -> None:
    text = _INLINE_OPTION.sub("", line).strip()
    if _URL.match(text):
        egg = _EGG.search(text)
        if egg:
            found.want(f"{egg[1]} @ {text.split('#')[0]}")
        else:
            found.note(f"“{text}” does not say which package it is; it is left out")
    elif text.startswith((".", "/", "~")) or (text.endswith((".whl", ".tar.gz", ".zip")) and "@" not in text):
        found.note(f"the local file or folder “{text}” is not installed")
    elif text:
        found.want(text)


def _lines(text: str) -> Iterator[str]:
    """Yield logical lines without comments; a backslash at the end joins a line to the next."""
    joined = re.sub(r"\\\r?\n", " ", text.removeprefix("\ufeff"))
    for line in joined.splitlines():
        bare = _COMMENT.sub("", line).strip()
        if bare:
            yield bare
