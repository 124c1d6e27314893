"""Resolve what was asked for into a lock."""

import platform
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import tomlkit
from packaging.utils import canonicalize_name

from trailmark.environments.interpreter import Interpreter
from trailmark.environments.model import (
    EnvironmentRequest,
    Lock,
    LockedPackage,
    parse_lock,
    parse_python,
    parse_requirement,
)
from trailmark.environments.uv import Uv
from trailmark.errors import CommandFailed, InvalidInput
from trailmark.progress import NullProgress, Progress

# What JupyterLab needs in a person's environment to run their cells there.
FOR_JUPYTER = ("ipykernel",)

# How uv names the systems that a reason is about; the last attempt is about this one only.
_SPLIT = re.compile(r" for split \(markers: [^)]*\)(?=$)", re.MULTILINE)


class ResolveFailed(CommandFailed):
    """What was asked for cannot be had together; carries uv's reason in full."""


@dataclass(frozen=True)
class Attempt:
    """One way to ask uv: with some versions held where they were, for every system or only for this one."""

    held: tuple[str, ...] = ()
    only_here: bool = False


def resolve(
    request: EnvironmentRequest,
    *,
    python: Interpreter,
    uv: Uv,
    keep: Lock | None = None,
    until: str | None = None,
    progress: Progress | None = None,
) -> Lock:
    """Return a lock with hashes for the request and what JupyterLab needs, for `python`'s minor version.

    Packages of the lock `keep` stay at their versions unless the request makes them move; without it all are
    the newest, of those that existed on the day `until` (2024-05-01) when that is given.
    Raises ResolveFailed, with nothing changed anywhere, when there is no solution.
    """
    progress = progress or NullProgress()
    if not parse_python(request.python).contains(python.version, prereleases=True):
        raise InvalidInput(f"Python {python.version} is not what was asked for ({request.python}).")
    progress.step("Finding versions that fit together")
    with tempfile.TemporaryDirectory(prefix="trailmark-resolve-") as folder:
        for attempt in plan_attempts(request, keep):
            text, reason = _try(attempt, request, python, uv, progress, Path(folder), until)
            if text is not None:
                return parse_lock(text, request.python)
            if "No solution found" not in reason:
                break
            progress.log("Trying again with more freedom to choose versions.")
    raise ResolveFailed(
        f"The packages could not be resolved, so the environment is as it was. uv says:\n{reason}",
        output=reason,
    )


def plan_attempts(request: EnvironmentRequest, keep: Lock | None) -> tuple[Attempt, ...]:
    """Return how to ask, in order: hold every version, hold those asked for, hold none, only this system."""
    asked = {canonicalize_name(parse_requirement(text).name) for text in request.packages}
    everything = tuple(_hold(request, keep.packages if keep else ()))
    direct = tuple(_hold(request, (one for one in (keep.packages if keep else ()) if one.name in asked)))
    attempts = (Attempt(everything), Attempt(direct), Attempt(), Attempt(only_here=True))
    return tuple(dict.fromkeys(attempts))


def _hold(request: EnvironmentRequest, packages: Iterable[LockedPackage]) -> Iterator[str]:
    """Yield a constraint for each package whose version the request still allows."""
    asked = {canonicalize_name(one.name): one for one in map(parse_requirement, request.packages)}
    for package in packages:
        wanted = asked.get(canonicalize_name(package.name))
        if package.version is None or (wanted and wanted.url):
            continue
        if wanted is None or wanted.specifier.contains(package.version, prereleases=True):
            yield f"{package.name}=={package.version}" + (f" ; {package.marker}" if package.marker else "")


def _try(
    attempt: Attempt,
    request: EnvironmentRequest,
    python: Interpreter,
    uv: Uv,
    progress: Progress,
    folder: Path,
    until: str | None,
) -> tuple[str | None, str]:
    """Return the lock's text, or None and uv's reason."""
    (folder / "uv.lock").unlink(missing_ok=True)
    (folder / "pyproject.toml").write_text(_project(attempt, request, python, until), encoding="utf-8")
    locked = uv.follow(["lock", "--python", str(python.path)], progress, cwd=folder)
    if not locked.ok:
        return None, _reason(locked.stderr)
    exported = uv.run(
        ["export", "--frozen", "--quiet", "--format", "pylock.toml", "--no-header", "--no-annotate"],
        cwd=folder,
    )
    return (exported.stdout, "") if exported.ok else (None, _reason(exported.stderr))


def _project(attempt: Attempt, request: EnvironmentRequest, python: Interpreter, until: str | None) -> str:
    """Return the pyproject.toml that asks uv for the environment. Its own uv table keeps other settings out."""
    settings: dict[str, object] = {"package": False, "workspace": {"members": []}}
    if attempt.held:
        settings["constraint-dependencies"] = list(attempt.held)
    if until:
        settings["exclude-newer"] = f"{until}T00:00:00Z"
    if attempt.only_here:
        here = f"sys_platform == '{sys.platform}' and platform_machine == '{platform.machine()}'"
        settings["environments"] = [here]
    project = {
        "name": "this-environment",
        "version": "0",
        "requires-python": f"=={python.minor}.*",
        "dependencies": [*request.packages, *FOR_JUPYTER],
    }
    return tomlkit.dumps({"project": project, "tool": {"uv": settings}})


def _reason(said: str) -> str:
    lines = _SPLIT.sub("", said).strip().splitlines()
    return "\n".join(line for line in lines if not line.startswith(("Using CPython", "Resolved "))).strip()
