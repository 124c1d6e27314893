"""`trailmark env verify`."""

from dataclasses import asdict

from trailmark.cli.choose import open_chosen
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import faint, moment, one_line, show, strong, table
from trailmark.cli.progress import TerminalProgress
from trailmark.cli.verb import verb
from trailmark.projects.prove import Verification, verify_environment


@verb("verify")
def command(invocation: Invocation) -> int:
    """Rebuild the environment from its lock alone, and compare it with what is recorded.

    It is made in a clean place, with nothing from caches, and compared file by file with what the trail recorded and
    with the environment on this machine. Every difference is named with its cause; with any, it exits with 1.

    \b
    trailmark env verify
    """
    project = open_chosen(invocation)
    with TerminalProgress() as progress:
        found = verify_environment(project, invocation.services.means, progress)
    value = {
        "ok": found.ok,
        "differences": [asdict(difference) for difference in found.differences],
        "digest": found.proof.digest,
        "engine": found.proof.engine,
        "when": found.proof.when,
        "compared": found.proof.compared,
        "supplied": list(found.proof.supplied),
    }
    show(invocation, value, lambda: _text(found))
    return 0 if found.ok else 1


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
