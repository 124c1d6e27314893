"""`trailmark list`."""

from pathlib import Path
from typing import Any

from trailmark.activity.store import trailers_of
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import faint, moment, one_line, show, strong, table
from trailmark.cli.verb import verb
from trailmark.errors import TrailmarkError
from trailmark.projects.listing import iter_project_paths
from trailmark.projects.project import open_project
from trailmark.settings import Settings


@verb("list")
def command(invocation: Invocation) -> None:
    """List your projects, the one with the newest activity first.

    \b
    trailmark list
    trailmark list --json
    """
    settings = invocation.services.settings
    found = [_described(path, settings) for path in iter_project_paths(settings)]
    found.sort(key=lambda each: each["last"]["at"] if each["last"] else 0.0, reverse=True)
    show(invocation, found, lambda: _text(found, settings))


def _described(path: Path, settings: Settings) -> dict[str, Any]:
    value: dict[str, Any] = {"project": path.name, "owner": path.parent.name, "path": str(path)}
    value |= {"description": "", "branch": None, "last": None, "problem": None}
    try:
        project = open_project(path, settings)
        repository, head = project.repository, project.repository.head()
        value["branch"] = repository.branch()
        if head is not None:
            commit = repository.commit(head)
            kind = trailers_of(commit.message).get("kind", "outside")
            value["last"] = {"title": commit.message.partition("\n")[0], "kind": kind, "at": commit.time}
        value["description"] = project.manifest().description
    except TrailmarkError as error:
        value["problem"] = str(error)
    return value


def _text(found: list[dict[str, Any]], settings: Settings) -> str:
    if not found:
        return f"No projects in {settings.projects} yet. Make one: trailmark new NAME, or look around: trailmark demo"
    return table([_row(each, settings) for each in found])


def _row(each: dict[str, Any], settings: Settings) -> tuple[str, str, str]:
    own = each["owner"] == settings.owner
    name = strong(each["project"] if own else f"{each['owner']}/{each['project']}")
    last = each["last"]
    if each["problem"] or last is None:
        return name, moment(last["at"]) if last else "", one_line(each["problem"] or "empty", 100)
    about = one_line(each["description"], 60)
    return (
        name,
        moment(last["at"]),
        f"{about}  {faint(one_line(last['title'], 50))}" if about else faint(last["title"]),
    )
