"""`trailmark env restore`."""

import click

from trailmark.activity.index import Row
from trailmark.cli import restored
from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import confirm, faint, one_line, show
from trailmark.cli.record_id import open_index, short
from trailmark.cli.verb import verb
from trailmark.errors import NotFound
from trailmark.git import Oid
from trailmark.projects.catch_up import catch_up
from trailmark.projects.environment import current_lock, find_made
from trailmark.projects.environment_at import Environments
from trailmark.projects.environment_difference import difference_of
from trailmark.projects.project import Project
from trailmark.projects.restore_environment import restore_environment
from trailmark.sessions.notify import with_open_sessions

_MESSAGE = "The environment is an earlier one again. Restart the kernel to use it."


@verb("restore")
@click.argument("id", metavar="RECORD")
@click.option("-y", "--yes", is_flag=True, help="Do not ask, even when JupyterLab is open.")
def command(invocation: Invocation, id: str, yes: bool) -> None:
    """Go back to the environment that the project had right after a record; all else stays as it is.

    environment/ becomes what it was, and [environment] in trailmark.toml; files, notebooks and the other parts of
    trailmark.toml stay. It is one new record: what there is now stays on the trail. Nothing is resolved anew or
    built: a launch makes what is not there yet, or `trailmark env build`. Asks first when a session is open.

    \b
    trailmark env history
    trailmark env restore 01M848Q3WP
    """
    project, services = open_chosen(invocation), invocation.services
    catch_up(project, actor=invocation.actor)
    row = _find(project, id)
    if services.has_sessions(project):
        question = f"JupyterLab is open on {project.name}. Change its environment under it?"
        confirm(question, yes=yes, essential=False)
    environments, commit = Environments(project.repository, services.managers), Oid(str(row.commit))
    changes = difference_of(environments.at(project.repository.head()), environments.at(commit)).lines()
    altered, told = with_open_sessions(
        project,
        services.engine,
        services.uv,
        _MESSAGE,
        lambda: restore_environment(
            project, commit, row.title, services.managers, record=row.id, actor=invocation.actor
        ),
    )
    lock = current_lock(project)
    is_built = find_made(project, lock) is not None
    value = {
        "id": altered.recorded.id if altered else None,
        "commit": altered.recorded.commit if altered else None,
        "to": row.id,
        "digest": lock.digest if lock else None,
        "built": is_built,
        "changes": changes,
        **(restored.as_data(altered.restored, told) if altered else {}),
    }
    if altered is None:
        show(invocation, value, lambda: "The project has that very environment: nothing was changed.")
        return
    show(
        invocation, value, lambda: _text(row, changes, is_open=bool(told), waits=bool(lock) and not is_built)
    )


def _find(project: Project, typed: str) -> Row:
    """Return the record, or the commit of plain git's, that begins so. Raises NotFound."""
    with open_index(project) as index:
        row = index.row(index.resolve(typed))
    if row.commit is None or not project.repository.has(Oid(row.commit)):
        raise NotFound(
            f"The commit of the record {typed} is not in this repository, so its environment cannot be had back."
        )
    return row


def _text(row: Row, changes: list[str], *, is_open: bool, waits: bool) -> str:
    lines = [f"Went back to the environment of {short(row.id)}, “{one_line(row.title, 60)}”."]
    lines += [f"  {one_line(line, 100)}" for line in changes]
    if is_open:
        lines.append("JupyterLab is open: restart the kernel to use it.")
    if waits:
        lines.append(faint("It is made when you launch; now: trailmark env build"))
    return "\n".join(lines)
