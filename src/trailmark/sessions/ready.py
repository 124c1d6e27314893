"""Waiting until a tool that was started answers: as long as it is said to take, and only while somebody wants it."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from trailmark.engines import Engine
from trailmark.errors import Cancelled
from trailmark.progress import Progress
from trailmark.sessions.session import Session
from trailmark.sessions.tools import Tool

READY_SECONDS = 60.0
_ANSWER_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE, _SLOWER = 0.05, 1.0, 1.3
_WELL = range(200, 400)
# What the gate says while nothing listens behind it.
_NOBODY = 502


class _Staying(urllib.request.HTTPRedirectHandler):
    """Goes nowhere else: the session's token is for the session alone."""

    def redirect_request(self, *_: Any) -> None:
        """Follow no redirect."""


# The server is on this machine, whatever proxy the person's environment names.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Staying)


@dataclass(frozen=True)
class Waited:
    """What waiting for a tool came to: whether it is ready, and if not, whether it ended and what it said last."""

    is_ready: bool
    has_ended: bool = False
    status: int | None = None


def wait_until_ready(engine: Engine, tool: Tool, session: Session, progress: Progress) -> Waited:
    """Wait until a tool answers as it should, has ended, or was waited for long enough. Raises Cancelled."""
    deadline = time.monotonic() + patience_for(tool)
    pause, status = _FIRST_PAUSE, None
    while True:
        status = _ask(session, tool) or status
        state = engine.inspect(session.id)
        if state is not None and state.status in ("stopped", "failed"):
            return Waited(False, has_ended=True, status=status)
        if status is not None and _is_well(tool, status):
            return Waited(True, status=status)
        if time.monotonic() >= deadline:
            return Waited(False, status=status)
        if progress.cancelled:
            raise Cancelled(f"Stopped waiting for {tool.title}, as asked. The project is as it was.")
        time.sleep(pause)
        pause = min(pause * _SLOWER, _LONGEST_PAUSE)


def patience_for(tool: Tool) -> float:
    """Return for how many seconds a tool is waited for."""
    return READY_SECONDS if tool.patience is None else tool.patience


def describe_silence(tool: Tool, waited: Waited) -> str:
    """Return what was asked of a tool that did not get ready in time, what it said, and what to do about it."""
    said = "nothing answered" if waited.status in (None, _NOBODY) else f"the last answer was {waited.status}"
    told = f"/{tool.health.lstrip('/')} was asked for {patience_for(tool):g} seconds, and {said}."
    if tool.capture != "run":
        return told
    return f"{told} In [[apps]], `health` names the path to ask, and `patience` for how many seconds."


def _ask(session: Session, tool: Tool) -> int | None:
    """Return the status with which a tool answers, None when it does not."""
    request = urllib.request.Request(
        session.base_url + tool.health.lstrip("/"), headers={"Authorization": f"token {session.token}"}
    )
    try:
        with _DIRECT.open(request, timeout=_ANSWER_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except (OSError, HTTPException):
        return None


def _is_well(tool: Tool, status: int) -> bool:
    """Return whether a tool is ready: an app that names no path is when it answers anything at all."""
    if tool.capture == "run" and not tool.health:
        return status != _NOBODY
    return status in _WELL
