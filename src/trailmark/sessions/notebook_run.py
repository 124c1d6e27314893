"""Running a notebook in a session, cell by cell, over Jupyter's own interface, as its page would."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import websocket

from trailmark.errors import CommandFailed
from trailmark.progress import Progress
from trailmark.sessions.session import Session

_CELL_SECONDS = 3600.0


@dataclass(frozen=True)
class NotebookRun:
    """How a run went: how many cells ran, and the error that ended it, if any."""

    cells: int
    error: str | None


def run_notebook(session: Session, path: str, progress: Progress) -> NotebookRun:
    """Run every code cell of a notebook, saving it after each; stop at the first error or when cancelled."""
    headers = {"Authorization": f"token {session.token}"}
    with httpx.Client(base_url=session.base_url, headers=headers, timeout=60, trust_env=False) as client:
        notebook = _answer(client.get(f"api/contents/{path}"))["content"]
        body = {"path": path, "name": path, "type": "notebook", "kernel": {"name": session.kernel}}
        started = _answer(client.post("api/sessions", json=body))
        kernel = started["kernel"]["id"]
        try:
            return _run_cells(client, session, path, notebook, kernel, progress)
        finally:
            client.delete(f"api/sessions/{started['id']}")


def _run_cells(
    client: httpx.Client,
    session: Session,
    path: str,
    notebook: dict[str, Any],
    kernel: str,
    progress: Progress,
) -> NotebookRun:
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    address = session.base_url.replace("http://", "ws://") + f"api/kernels/{kernel}/channels"
    channel = websocket.create_connection(
        address,
        header=[f"Authorization: token {session.token}"],
        timeout=_CELL_SECONDS,
        http_no_proxy=["127.0.0.1"],
    )
    try:
        for number, cell in enumerate(cells):
            if progress.cancelled:
                return NotebookRun(number, "cancelled")
            progress.step(f"Running cell {number + 1} of {len(cells)}", number / len(cells))
            error = _run_cell(channel, cell)
            saved = {"type": "notebook", "format": "json", "content": notebook}
            _answer(client.put(f"api/contents/{path}", json=saved))
            if error is not None:
                return NotebookRun(number + 1, error)
    finally:
        channel.close()
    return NotebookRun(len(cells), None)


def _run_cell(channel: websocket.WebSocket, cell: dict[str, Any]) -> str | None:
    """Execute one cell and put its outputs into it; return the error's name and value, if it ended in one."""
    sent = request("".join(cell["source"]), cell["id"])
    channel.send(json.dumps(sent))
    cell["outputs"], cell["execution_count"] = [], None
    error = None
    while True:
        message = json.loads(channel.recv())
        if message["parent_header"].get("msg_id") != sent["header"]["msg_id"]:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "status" and content["execution_state"] == "idle":
            return error
        if kind == "execute_input":
            cell["execution_count"] = content["execution_count"]
        if kind == "error":
            error = f"{content['ename']}: {content['evalue']}"
        _collect(cell["outputs"], kind, content)


def _collect(outputs: list[dict[str, Any]], kind: str, content: Mapping[str, Any]) -> None:
    """Add what a message shows to a cell's outputs, in the notebook format (nbformat 4)."""
    if kind == "stream":
        last = outputs[-1] if outputs else {}
        if last.get("output_type") == "stream" and last.get("name") == content["name"]:
            last["text"] += content["text"]
        else:
            outputs.append({"output_type": "stream", "name": content["name"], "text": content["text"]})
    elif kind in ("display_data", "execute_result"):
        output = {"output_type": kind, "data": content["data"], "metadata": content.get("metadata", {})}
        if kind == "execute_result":
            output["execution_count"] = content["execution_count"]
        outputs.append(output)
    elif kind == "error":
        outputs.append(
            {"output_type": "error", **{key: content[key] for key in ("ename", "evalue", "traceback")}}
        )


def request(code: str, cell_id: str) -> dict[str, Any]:
    """Return the message that asks a kernel to run a cell (Jupyter messaging 5.3)."""
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "username": "",
        "session": uuid.uuid4().hex,
        "version": "5.3",
    }
    content = {
        "code": code,
        "silent": False,
        "store_history": True,
        "allow_stdin": False,
        "stop_on_error": True,
    }
    return {
        "header": header,
        "parent_header": {},
        "metadata": {"cellId": cell_id},
        "content": content,
        "channel": "shell",
        "buffers": [],
    }


def _answer(response: httpx.Response) -> Any:
    if response.is_error:
        raise CommandFailed(f"JupyterLab refused {response.request.url.path}: {response.status_code}.")
    return response.json()
