"""Running the demonstration: its notebook cell by cell, then its script, so that the trail fills."""

from __future__ import annotations

from trailmark.engines import Engine
from trailmark.environments.uv import Uv
from trailmark.errors import CommandFailed
from trailmark.progress import Progress
from trailmark.projects.demo import NOTEBOOK, SCRIPT
from trailmark.projects.project import Project
from trailmark.sessions.launch import launch
from trailmark.sessions.notebook_run import run_notebook
from trailmark.sessions.run import run
from trailmark.sessions.session import Session


def run_demo(project: Project, engine: Engine, uv: Uv, progress: Progress) -> Session:
    """Make the environment, start JupyterLab, run the notebook and the script; leave the session open.

    What the script prints is in its record, and stands between nobody and an answer.
    """
    session = launch(project, engine, uv, progress)
    outcome = run_notebook(session, NOTEBOOK, progress)
    if outcome.error is not None:
        raise CommandFailed(
            f"The notebook stopped at cell {outcome.cells}: {outcome.error}. The rest is intact."
        )
    progress.step("Running the script", 0.95)
    run(project, SCRIPT, uv, progress, cwd=project.path, actor="person", onto=(None, None))
    progress.step("The demonstration is ready", 1.0)
    return session
