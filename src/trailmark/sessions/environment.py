"""Which environment a session's next kernel runs in: a link in the session's folder, which can be moved."""

from __future__ import annotations

from pathlib import Path

from trailmark.durable import write_file
from trailmark.environments.realise import Realised
from trailmark.projects.used import note_use
from trailmark.sessions.session import folder_of
from trailmark.settings import Settings


def use_environment(settings: Settings, session_id: str, realised: Realised) -> Path:
    """Have a session's kernels start in an environment from now on; return the Python that they start with.

    Kernels that run already keep theirs until they are restarted.
    """
    note_use(settings, realised.path.name)
    folder = folder_of(settings, session_id)
    link, new = folder / "environment", folder / "environment.new"
    new.unlink(missing_ok=True)
    new.symlink_to(realised.path)
    new.replace(link)
    write_file(folder / "environment.digest", realised.digest.encode())
    return link / "bin" / "python"
