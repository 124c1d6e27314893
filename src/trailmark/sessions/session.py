"""What is known of a session, kept in its folder under the Trailmark home."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from trailmark.durable import write_file
from trailmark.errors import NotFound
from trailmark.projects.state import place_of
from trailmark.sessions.hosts import PLAIN, host_for
from trailmark.settings import Settings
from trailmark_capture.gate import keys
from trailmark_capture.shared import SharedFolder


@dataclass(frozen=True)
class Session:
    """One session. `token` opens the tool, or makes keys that do, and stands nowhere else.

    `state` is the name of the folder with the state of its project, which stays when the project is moved. `title`
    is what a person calls the tool; `server` says who asks for the token: Jupyter's own server, or the gate. A
    command that is run has no page to open, and port 0.
    """

    id: str
    project: str
    tool: str
    engine: str
    environment: str | None
    port: int
    token: str
    kernel: str
    started: float
    state: str = ""
    title: str = "JupyterLab"
    server: Literal["jupyter", "gate"] = "jupyter"
    page: str = ""

    @property
    def has_page(self) -> bool:
        """Whether a browser can open it."""
        return self.port != 0

    @property
    def url(self) -> str:
        """The address for any program and browser: no other name is known to all. See `url_for`."""
        return self._url_at(PLAIN)

    def url_for(self, agent: str | None = None) -> str:
        """Return an address that alone opens the tool in a person's browser, which says what it is, at a host apart.

        Behind a gate it opens the tool once, and is another each time.
        """
        return self._url_at(host_for(self.id, agent))

    def _url_at(self, host: str) -> str:
        base = f"http://{host}:{self.port}/"
        if self.server == "gate":
            key = keys.make_key(self.token, secrets.token_urlsafe(24), time.time())
            return f"{base}{keys.PATH[1:]}?key={key}"
        return f"{base}{self.page}?token={self.token}"

    @property
    def base_url(self) -> str:
        """The address below which the tool's own interface answers programs; it needs the token."""
        return f"http://127.0.0.1:{self.port}/"


def folder_of(settings: Settings, session_id: str) -> Path:
    """Return the folder of a session."""
    return settings.home / "sessions" / session_id


def client_of(settings: Settings, session_id: str) -> Path:
    """Return the file that is locked while the command that waits for a session's end lives."""
    return folder_of(settings, session_id) / "client.lock"


def write_session(settings: Settings, session: Session) -> None:
    """Keep a session's facts, readable by its owner alone."""
    data = json.dumps(asdict(session), indent=1).encode()
    write_file(folder_of(settings, session.id) / "session.json", data)


def iter_sessions(settings: Settings, project: Path | None = None) -> Iterator[Session]:
    """Yield the sessions that have a folder, those of one project if given, oldest first.

    Each names its project where it is now.
    """
    for path in sorted((settings.home / "sessions").glob("*/session.json")):
        try:
            session = Session(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue
        place = place_of(settings.home / "state" / session.state) if session.state else None
        session = replace(session, project=str(place or session.project))
        if project is None or session.project == str(project):
            yield session


def get_session(settings: Settings, session_id: str) -> Session:
    """Return the session of an id. Raises NotFound."""
    for session in iter_sessions(settings):
        if session.id == session_id:
            return session
    raise NotFound(f"There is no session {session_id}. `trailmark status` lists the sessions.")


def forget_session(settings: Settings, session_id: str) -> None:
    """Remove what was kept of a session that has ended, first what says that there is one."""
    folder = folder_of(settings, session_id)
    (folder / "session.json").unlink(missing_ok=True)
    SharedFolder(folder.parent).remove_folder(folder.name)
