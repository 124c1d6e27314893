"""`trailmark show`."""

import os
from pathlib import Path
from typing import Any

import click

from trailmark.cli.choose import bring_up_to_date, open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.log_data import listed
from trailmark.cli.output import clean, fields, moment, one_line, show, size, strong
from trailmark.cli.record_id import open_index
from trailmark.cli.verb import verb
from trailmark.projects.branches import list_branches
from trailmark.projects.built import environment_facts
from trailmark.projects.project import Project, manifest_problem
from trailmark.projects.standing import standing_of
from trailmark.sessions.stop import statuses
from trailmark.wiring import Services


@verb("show")
@click.argument("named", metavar="[PROJECT]", required=False)
def command(invocation: Invocation, named: str | None) -> None:
    """Describe a project: what it is about, where it is, its size, its environment, what happened last.

    \b
    trailmark show
    trailmark show weather --json
    """
    opened, services = open_chosen(invocation, named), invocation.services
    bring_up_to_date(opened)
    running = statuses(services.settings, services.engine, opened)
    value = _described(opened, services) | {"sessions": [item.session.id for item in running]}
    show(invocation, value, lambda: _text(value))


def _described(project: Project, services: Services) -> dict[str, Any]:
    problem = manifest_problem(project)
    environment = (
        None
        if problem
        else environment_facts(standing_of(project, services.managers), services.containers_named)
    )
    with open_index(project) as index:
        last = listed(project, index, index.page(limit=1))
        count = index.count()
    return {
        "project": project.name,
        "owner": project.owner,
        "path": str(project.path),
        "description": "" if problem else project.manifest().description,
        "problem": problem,
        "branch": project.repository.branch(),
        "branches": [branch.name for branch in list_branches(project)],
        "records": count,
        "bytes": _size_of(project.path),
        "environment": environment,
        "last": last[0] if last else None,
    }


def _asked(environment: dict[str, Any]) -> str:
    asked = [
        line["name"] + line["requested"] for line in environment["packages"] if line["requested"] is not None
    ]
    return ", ".join(asked) or "none asked for"


def _size_of(folder: Path) -> int:
    """Return how many bytes the files of a project take, its history included."""
    paths = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return sum(path.lstat().st_size for path in paths if path.is_file())


def _text(value: dict[str, Any]) -> str:
    environment, last = value["environment"], value["last"]
    facts = {
        "folder": value["path"],
        "branch": ", ".join(
            [f"{value['branch']} (current)", *[n for n in value["branches"] if n != value["branch"]]]
        ),
        "records": str(value["records"]),
        "size": size(value["bytes"]),
        "base": (environment["base"] or "") if environment else "",
        "python": environment["python"] if environment else "",
        "packages": _asked(environment) if environment else "",
        "running": f"{len(value['sessions'])} session(s)" if value["sessions"] else "",
        "problem": clean(value["problem"] or ""),
        "last": f"{moment(last['started'])}  {one_line(last['title'])}" if last else "",
    }
    about = f"\n{value['description']}" if value["description"] else ""
    return f"{strong(value['project'])}{about}\n\n{fields(facts)}"
