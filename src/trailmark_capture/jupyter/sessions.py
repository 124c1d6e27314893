"""The server's sessions, which know what notebook a kernel belongs to."""

from typing import Any, cast

from jupyter_server.services.sessions.sessionmanager import SessionManager

from trailmark_capture.jupyter.capture import current


class TrailSessionManager(SessionManager):  # type: ignore[misc]
    """A session manager that tells capture of every change."""

    async def save_session(self, session_id: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Save a session and note its notebook."""
        model = await super().save_session(session_id, *args, **kwargs)
        _note(model)
        return cast("dict[str, Any]", model)

    async def update_session(self, session_id: str, **kwargs: Any) -> None:
        """Rename a session or move it to another kernel, and note it."""
        await super().update_session(session_id, **kwargs)
        _note(await self.get_session(session_id=session_id))

    async def delete_session(self, session_id: str) -> None:
        """Delete a session and forget its notebook."""
        await super().delete_session(session_id)
        current().notebooks.forget(session_id)


def _note(model: dict[str, Any]) -> None:
    path = model["path"] if model["type"] == "notebook" else None
    current().notebooks.set(model["id"], model["kernel"]["id"], path)
