"""`trailmark demo`."""

import click

from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show, strong
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.verb import verb
from trailmark.projects.demo import make_demo
from trailmark.sessions.demo import run_demo


@verb("demo")
@click.option("--run/--no-run", default=True, help="Run its notebook and script too (the default).")
def command(invocation: Invocation, run: bool) -> None:
    """Make a project of real work and run it, to look around in.

    A notebook, a script and a small real data file; its environment is made and everything is run and recorded,
    which takes a minute or so. Delete it whenever you like: trailmark delete penguins.

    \b
    trailmark demo
    trailmark -C penguins log
    """
    services = invocation.services
    with TerminalProgress() as progress:
        project = make_demo(services.settings)
        session = run_demo(project, services.engine, services.uv, progress) if run else None
    value = {
        "project": project.name,
        "path": str(project.path),
        "session": session.id if session else None,
        "url": session.url if session else None,
    }
    lines = [f"{strong(project.name)} is ready in {project.path}"]
    if session:
        lines.append(f"JupyterLab runs on it: {session.url_for()}")
    lines.append(f"See what happened: trailmark -C {project.name} log")
    show(invocation, value, lambda: "\n".join(lines))
