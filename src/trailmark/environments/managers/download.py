"""Fetch one file of a package repository from its address."""

import urllib.request
from urllib.error import HTTPError

from trailmark.environments.managers.model import go_on
from trailmark.progress import Progress

_TIMEOUT_SECONDS = 60.0
_CHUNK = 1 << 18
_NOT_THERE = (403, 404, 410)


def download(address: str, progress: Progress) -> bytes | None:
    """Return what lies at an address, None when nothing does. Raises OSError, ValueError or Cancelled."""
    parts = []
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT_SECONDS) as answer:
            while chunk := answer.read(_CHUNK):
                go_on(progress)
                parts.append(chunk)
    except HTTPError as error:
        if error.code in _NOT_THERE:
            return None
        raise
    return b"".join(parts)
