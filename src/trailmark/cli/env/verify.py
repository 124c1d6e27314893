"""`trailmark env verify`."""

from dataclasses import asdict

import click

from trailmark.cli import failures
from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import faint, moment, one_line, show, strong, table
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.verb import verb
from trailmark.errors import Cancelled, TrailmarkError
from trailmark.projects.build_logs import keeping_log
from trailmark.projects.prove import Verification, verify_environment, verify_image

_TITLE = "trailmark env verify"
_NOT_COMPARED = 2


@verb("verify")
@click.option("--engine", metavar="NAME", help="Of which engine: local, or as `trailmark engines` says.")
def command(invocation: Invocation, engine: str | None) -> int:
    """Rebuild the environment from its lock alone, and compare it with what is recorded.

    It is made in a clean place, with nothing from caches, and compared file by file with what the trail recorded and
    with the environment on this machine. Every difference is named with its cause; with any, it exits with 1, and
    with 2 when it could not be compared.

    \b
    trailmark env verify
    trailmark env verify --engine docker
    """
    try:
        found = _verify(invocation, engine)
    except Cancelled:
        raise
    except TrailmarkError as error:
        failures.report(error, invocation.environ)
        return _NOT_COMPARED
    value = {
        "ok": found.ok,
        "differences": [asdict(difference) for difference in found.differences],
        "digest": found.proof.digest,
        "engine": found.proof.engine,
        "image": found.proof.image,
        "base": found.proof.base,
        "when": found.proof.when,
        "seconds": found.proof.seconds,
        "compared": found.proof.compared,
        "supplied": list(found.proof.supplied),
    }
    show(invocation, value, lambda: _text(found))
    return 0 if found.ok else 1


def _verify(invocation: Invocation, engine: str | None) -> Verification:
    project, services = open_chosen(invocation), invocation.services
    containers = services.containers_named(engine)
    where = containers.name if containers else "local"
    with TerminalProgress() as shown, keeping_log(project, _TITLE, shown, engine=where) as progress:
        if containers is None:
            return verify_environment(project, services.means, progress)
        return verify_image(project, containers, services.means, services.trust, progress)


def _text(found: Verification) -> str:
    compared = found.proof.compared
    if found.ok:
        head = (
            f"{strong('Equal.')} {compared['packages']} packages with {compared['files']:,} files were rebuilt "
            f"from the lock and are as recorded ({moment(found.proof.when)})."
        )
    else:
        rows = [
            (strong(one.what), one.cause, _short(one.recorded), _short(one.rebuilt))
            for one in found.differences
        ]
        head = f"Not equal.\n\n{table(rows, ('WHAT', 'CAUSE', 'RECORDED', 'REBUILT'))}"
    supplied = "\n".join(f"  {one}" for one in found.proof.supplied)
    return f"{head}\n\n{faint('Not proved, for this machine supplies it:')}\n{faint(supplied)}"


def _short(text: str | None) -> str:
    return one_line(text, 24) if text else "–"
