"""Which versions of Python's packages there are, as the index behind uv says. Nothing is built, no code is run."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

from trailmark.environments.interpreter import Interpreter
from trailmark.environments.uv import Uv
from trailmark.errors import CommandFailed, Unavailable

_PATIENCE_SECONDS = 8.0
_UNREACHED = re.compile(r"Failed to fetch|Request failed|error sending request")
_SWITCHED_OFF = re.compile(r"Network connectivity is disabled|the network was disabled")
_NO_SOLUTION = "No solution found"


@dataclass(frozen=True)
class Answer:
    """Versions by package; without any, `reason` has uv's words.

    `was_reached` is False when the index could not be asked, so that nothing can be told of what it has.
    """

    pins: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    was_reached: bool = True


def ask_index(
    requirements: Sequence[str],
    python: Interpreter,
    uv: Uv,
    options: Sequence[str] = (),
    *,
    patience: float = _PATIENCE_SECONDS,
) -> Answer:
    """Ask for the newest versions that answer all requirements together, for `python`.

    Raises CommandFailed when `patience` (seconds) is over.
    """
    quiet = ["--no-header", "--no-annotate", "--quiet", "--python", str(python.path)]
    said = uv.run(
        ["pip", "compile", "-", *quiet, *options], input="\n".join(requirements) + "\n", timeout=patience
    )
    if said.ok:
        return Answer(dict(_pins(said.stdout)))
    reason = said.stderr.strip() or "uv gave no reason"
    failed = _NO_SOLUTION not in reason and _UNREACHED.search(reason)
    return Answer(reason=reason, was_reached=not failed and not _SWITCHED_OFF.search(reason))


def newest_versions(
    names: Sequence[str], python: Interpreter, uv: Uv, *, patience: float = _PATIENCE_SECONDS
) -> dict[str, str | None]:
    """Return the newest version of each name that `python` can have, None for one that the index does not have.

    Names of which the index could not be asked are left out.
    """
    if not names:
        return {}
    try:
        answer = ask_index(names, python, uv, ["--no-deps"], patience=patience)
    except CommandFailed:
        return {}
    if answer.pins:
        return {name: answer.pins.get(canonicalize_name(name)) for name in names}
    if not answer.was_reached:
        return {}
    if len(names) == 1:
        return {names[0]: None}
    middle = len(names) // 2
    return {
        name: version
        for half in (names[:middle], names[middle:])
        for name, version in newest_versions(half, python, uv, patience=patience).items()
    }


def list_versions(name: str, python: Interpreter, uv: Uv, limit: int) -> list[str]:
    """Return the versions of a package that `python` can have, the newest first.

    Raises Unavailable when the index cannot be asked, CommandFailed when it takes too long.
    """
    found: list[str] = []
    while len(found) < limit:
        below = f"<{found[-1]}" if found else ""
        answer = ask_index([f"{name}{below}"], python, uv, ["--no-deps"])
        if not answer.was_reached:
            raise Unavailable(f"The index of Python packages cannot be asked. uv says:\n{answer.reason}")
        version = answer.pins.get(canonicalize_name(name))
        if version is None or version in found:
            break
        found.append(version)
    return found


def _pins(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, separator, version = line.partition(";")[0].strip().partition("==")
        if separator and not name.startswith("#"):
            yield canonicalize_name(name), version.strip()
