"""`trailmark env snippet`."""

import sys
from pathlib import Path

import click

from trailmark.cli.choose import open_chosen
from trailmark.cli.env.change import change_environment
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import faint, one_line, show, strong, table
from trailmark.cli.verb import verb
from trailmark.environments.snippets import ENDING, FOLDER
from trailmark.errors import InvalidInput
from trailmark.projects.environment import readable_request, readable_snippets
from trailmark.projects.snippets import remove_snippet, set_snippet

_LARGEST = 1_000_000


@verb("snippet")
@click.argument("action", type=click.Choice(["list", "set", "remove"]), default="list")
@click.argument("name", required=False)
@click.argument("file", required=False, type=click.Path(path_type=Path))
def command(invocation: Invocation, action: str, name: str | None, file: Path | None) -> None:
    """List, set or remove the snippets of an environment: pieces of a Dockerfile, RUN and ENV only.

    A snippet's name begins with two digits that say in which order snippets are carried out. Its text is read from
    FILE or from standard input. Snippets are part of the lock; the local engine does not carry them out.

    \b
    trailmark env snippet
    trailmark env snippet set 10-fonts fonts.dockerfile
    trailmark env snippet remove 10-fonts
    """
    if action == "list":
        _list(invocation)
        return
    if name is None:
        raise click.UsageError(f"Name the snippet: trailmark env snippet {action} 10-fonts")
    means, actor, chosen = invocation.services.means, invocation.actor, name
    if action == "remove":
        change_environment(
            invocation,
            lambda project, progress: remove_snippet(project, chosen, means, progress, actor=actor),
        )
        return
    text = _read(invocation.folder / file if file else None)
    change_environment(
        invocation, lambda project, progress: set_snippet(project, chosen, text, means, progress, actor=actor)
    )


def _list(invocation: Invocation) -> None:
    project = open_chosen(invocation)
    request, broken = readable_request(project)[0], readable_snippets(project)[1]
    own = {one.name for one in request.snippets}
    value = [
        {
            "name": one.name,
            "digest": one.digest,
            "path": one.path if one.name in own else None,
            "origin": "project" if one.name in own else "base",
            "text": one.text,
        }
        for one in request.all_snippets
    ]
    value += [
        {"name": name, "path": f"{FOLDER}/{name}{ENDING}", "origin": "project", "problem": problem}
        for name, problem in broken.items()
    ]
    rows = [
        (
            strong(one.name),
            f"{len(one.text.splitlines())} lines",
            faint(one.path if one.name in own else "from the base"),
        )
        for one in request.all_snippets
    ]
    rows += [(strong(name), "cannot be used", faint(one_line(why, 100))) for name, why in broken.items()]
    show(invocation, value, lambda: table(rows) or "This environment has no snippets.")


def _read(path: Path | None) -> str:
    try:
        data = path.read_bytes() if path else sys.stdin.buffer.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise InvalidInput("A snippet of more than a million bytes cannot be used. Nothing was changed.")
        return data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"The text of the snippet cannot be read ({error}). Nothing was changed."
        ) from error
