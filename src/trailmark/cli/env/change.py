"""What the commands that change an environment share: doing it with progress, and saying what came of it."""

from collections.abc import Callable

from trailmark.cli.choose import open_chosen
from trailmark.cli.env.show import describe_environment
from trailmark.cli.invocation import Invocation
from trailmark.cli.output import show
from trailmark.cli.progress import TerminalProgress
from trailmark.environments.model import Lock
from trailmark.progress import Progress
from trailmark.projects.packages import current_lock
from trailmark.projects.project import Project
from trailmark.sessions.notify import packages_changed

Change = Callable[[Project, Progress], Lock]


def change_environment(invocation: Invocation, change: Change) -> None:
    """Change the chosen project's environment, tell its open sessions, and show the difference."""
    project = open_chosen(invocation)
    before = current_lock(project)
    with TerminalProgress() as progress:
        after = change(project, progress)
    told = []
    if before is None or before.digest != after.digest:
        message = "The packages have changed. Restart the kernel to use them."
        told = packages_changed(project, invocation.services.engine, invocation.services.uv, message)
    value, _ = describe_environment(project)
    differences = difference(before, after)
    value |= {"changes": differences, "restart": [session.id for session in told]}
    show(invocation, value, lambda: _text(differences, bool(told)))


def difference(before: Lock | None, after: Lock) -> list[str]:
    """Return what changed, a line a package: `+ name version`, `- name version`, `name old → new`."""
    old = {package.name: package.version or "" for package in before.packages} if before else {}
    new = {package.name: package.version or "" for package in after.packages}
    lines = [f"+ {name} {new[name]}".rstrip() for name in sorted(new.keys() - old.keys())]
    lines += [f"- {name} {old[name]}".rstrip() for name in sorted(old.keys() - new.keys())]
    both = sorted(old.keys() & new.keys())
    return lines + [f"{name} {old[name]} → {new[name]}" for name in both if old[name] != new[name]]


def _text(differences: list[str], told: bool) -> str:
    if not differences:
        return "Nothing changed."
    due = "\nJupyterLab is open: restart the kernel to use the new packages." if told else ""
    return "\n".join(differences) + due
