"""What a person is told when a request does not succeed, and the HTTP status that goes with it."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from trailmark.errors import (
    AlreadyExists,
    Busy,
    CommandFailed,
    Damaged,
    InvalidInput,
    NotFound,
    TrailmarkError,
    Unavailable,
    refusal_of,
)
from trailmark.web.security import HEADERS, Refused
from trailmark.web.site import site_of
from trailmark.web.uploads import OutOfStep

_STATUSES: tuple[tuple[type[TrailmarkError], int], ...] = (
    (Refused, 403),
    (InvalidInput, 422),
    (NotFound, 404),
    (AlreadyExists, 409),
    (Busy, 409),
    (Unavailable, 503),
    (CommandFailed, 502),
    (Damaged, 500),
)
_UNFORESEEN = (
    "Trailmark itself failed. What was recorded before is intact. "
    "The details are in log/client.log in the Trailmark home; please report them."
)
_PLAIN = {
    404: "There is no such page. What it showed may have been renamed or deleted.",
    405: "This address does not answer that kind of request. Nothing was changed.",
}
_TITLES = {
    403: "Not allowed",
    404: "Nothing here",
    405: "Not this way",
    409: "Not now",
    413: "Too large",
    422: "Not understood",
    500: "Something went wrong",
    502: "That did not work",
    503: "Not possible on this machine",
}

_log = logging.getLogger(__name__)


def status_of(error: TrailmarkError) -> int:
    """Return the HTTP status of an error."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 400)


def install(app: FastAPI) -> None:
    """Let `app` answer every error with words, as a page, a toast or JSON, whichever was asked for."""

    @app.exception_handler(TrailmarkError)
    def refused(request: Request, error: TrailmarkError) -> Response:
        if isinstance(error, OutOfStep):
            return JSONResponse({"error": str(error), "offset": error.offset}, 409)
        output = error.output if isinstance(error, CommandFailed) else ""
        return answer(request, status_of(error), str(error), output)

    @app.exception_handler(RequestValidationError)
    def misunderstood(request: Request, error: RequestValidationError) -> Response:
        wrong = "; ".join(f"{'.'.join(str(p) for p in e['loc'][1:])}: {e['msg']}" for e in error.errors())
        return answer(request, 422, f"The request was not understood ({wrong}). Nothing was changed.")

    @app.exception_handler(HTTPException)
    def plain(request: Request, error: HTTPException) -> Response:
        return answer(request, error.status_code, _PLAIN.get(error.status_code, str(error.detail)))

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        refusal = refusal_of(error) if isinstance(error, OSError) else None
        response = (
            answer(request, 500, _UNFORESEEN) if refusal is None else answer(request, 503, str(refusal))
        )
        response.headers.update(HEADERS)
        return response


def answer(request: Request, status: int, words: str, output: str = "") -> Response:
    """Say what went wrong in the form that the request asked for."""
    if _wants_json(request):
        return JSONResponse({"error": words, **({"output": output} if output else {})}, status)
    site = site_of(request)
    if request.headers.get("hx-request"):
        page = site.fragment(request, "failure/toast.html", words=words)
        page.status_code = status
        page.headers.update({"HX-Retarget": "#toasts", "HX-Reswap": "beforeend"})
        return page
    return site.page(
        request,
        "failure/failure.html",
        status=status,
        title=_TITLES.get(status, "That did not work"),
        words=words,
        output=output,
        back=request.headers.get("referer") if request.method != "GET" else None,
    )


def _wants_json(request: Request) -> bool:
    if request.url.path.startswith("/api/"):
        return True
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept
