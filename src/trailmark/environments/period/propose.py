"""Propose an environment of a moment: its Python as far as this machine has it, and versions that existed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from packaging.utils import canonicalize_name

from trailmark.environments.detect import Detected
from trailmark.environments.detect.distributions import find_gone
from trailmark.environments.detect.imports import Import, Survey
from trailmark.environments.interpreter import Interpreter, list_interpreters, own_interpreter
from trailmark.environments.lock import ResolveFailed, resolve
from trailmark.environments.model import Lock, LockedPackage, parse_requirement
from trailmark.environments.period.choose import Chosen, can_do_better, choose
from trailmark.environments.period.index import DatedIndex
from trailmark.environments.period.model import Moment, Outcome, Proposal, Want
from trailmark.environments.period.pythons import OLDEST, days_to_look, order_pythons, python_of
from trailmark.environments.period.reasons import of_gone, of_import
from trailmark.environments.uv import Uv
from trailmark.errors import InvalidInput, Unavailable
from trailmark.progress import Progress

RECENT = timedelta(days=180)
_MOST_PYTHONS = 3
_TESTED = (3, 8)
_LISTED = 5
# What a kernel needs besides the work's own packages: it talks to today's JupyterLab, so it is not of the past.
_KERNEL = frozenset(
    [
        *(
            "asttokens",
            "backcall",
            "comm",
            "debugpy",
            "decorator",
            "entrypoints",
            "executing",
            "importlib-metadata",
        ),
        *(
            "ipykernel",
            "ipython",
            "ipython-genutils",
            "jedi",
            "jupyter-client",
            "jupyter-core",
            "matplotlib-inline",
        ),
        *(
            "nest-asyncio",
            "packaging",
            "parso",
            "pexpect",
            "pickleshare",
            "platformdirs",
            "prompt-toolkit",
            "psutil",
        ),
        *(
            "ptyprocess",
            "pure-eval",
            "pygments",
            "pyzmq",
            "stack-data",
            "tornado",
            "traitlets",
            "typing-extensions",
        ),
        *("wcwidth", "zipp"),
    ]
)


@dataclass(frozen=True)
class Machine:
    """What there is to choose from: the Pythons, the index behind uv, and which day it is."""

    uv: Uv
    pythons: tuple[Interpreter, ...]
    today: date


def machine_here(uv: Uv) -> Machine:
    """Return this machine as it is now."""
    return Machine(uv, list_interpreters(uv), date.today())


def is_recent(moment: Moment, today: date) -> bool:
    """Whether the newest versions are the right ones for code of that moment."""
    return moment.day + RECENT >= today


def propose(detected: Detected, moment: Moment, machine: Machine, progress: Progress) -> Proposal:
    """Return an environment for what the code imports, as of a moment. Nothing is installed, built or run.

    Raises Unavailable when the package index cannot be asked, or the machine has no Python that will do.
    """
    seen, index = detected.code, DatedIndex(machine.uv)
    wants = wants_of(detected)
    pythons = _pythons(seen, moment, machine)
    progress.step("Asking the package index")
    is_dated = _is_dated(wants, pythons[0], index, machine.today)
    best = choose(wants, pythons[0], _days(moment, pythons[0], machine.today, is_dated), index, progress)
    for python in pythons[1:]:
        days = _days(moment, python, machine.today, is_dated)
        if can_do_better(wants, best, python, days, index):
            found = choose(wants, python, days, index, progress)
            best = max(best, found, key=lambda one: one.score)
    return Proposal(
        moment=moment,
        python=best.python.version,
        minor=best.python.minor,
        until=best.until,
        packages=best.packages,
        outcomes=tuple(_expected(one, best) for one in seen.imports),
        pins=best.pins,
        notes=tuple(_notes(detected.code, moment, best, is_dated)),
    )


def with_lock(proposal: Proposal, machine: Machine, progress: Progress) -> Proposal:
    """Return the proposal with a lock of all its versions, when there is one. Nothing is built before a trial."""
    python = next((one for one in machine.pythons if one.version == proposal.python), None)
    if python is None or not proposal.pins:
        return proposal
    asked = {one.name for one in proposal.packages}
    held = [
        (name, version) for name, version in proposal.pins.items() if name in asked or name not in _KERNEL
    ]
    keep = Lock("", "", tuple(LockedPackage(name, version) for name, version in held))
    uv = (
        machine.uv
        if proposal.is_tried
        else replace(machine.uv, environ={**machine.uv.environ, "UV_NO_BUILD": "1"})
    )
    try:
        lock = resolve(proposal.request, python=python, uv=uv, keep=keep, progress=progress)
    except (ResolveFailed, InvalidInput):
        return proposal
    return replace(proposal, lock=lock)


def wants_of(detected: Detected) -> tuple[Want, ...]:
    """Return the packages that are asked for, each with the limits that the imports of the code set."""
    limits: dict[str, set[str]] = {}
    for one in detected.code.imports:
        gone = find_gone(one.module, one.names)
        if gone and gone.versions and one.language == "python" and not one.optional:
            limits.setdefault(canonicalize_name(gone.package), set()).add(gone.versions)
    return tuple(
        Want(text, tuple(sorted(limits.get(canonicalize_name(parse_requirement(text).name), ()))))
        for text in detected.request.packages
    )


def _pythons(seen: Survey, moment: Moment, machine: Machine) -> list[Interpreter]:
    by_minor: dict[tuple[int, int], Interpreter] = {}
    for one in machine.pythons:
        major, _, minor = one.minor.partition(".")
        by_minor.setdefault((int(major), int(minor)), one)
    order = order_pythons(python_of(moment.day, seen.pythons), by_minor)
    own = own_interpreter()
    if is_recent(moment, machine.today):
        order.sort(key=lambda minor: by_minor[minor].minor != own.minor)
    if not order:
        raise Unavailable(
            f"This machine has no Python of version {OLDEST[0]}.{OLDEST[1]} or newer; install one and try again."
        )
    return [by_minor[minor] for minor in order[:_MOST_PYTHONS]]


def _days(moment: Moment, python: Interpreter, today: date, is_dated: bool) -> list[date | None]:
    if not is_dated:
        return [None]
    major, _, minor = python.minor.partition(".")
    return list(days_to_look(moment.day, (int(major), int(minor)), today))


def _is_dated(wants: Sequence[Want], python: Interpreter, index: DatedIndex, today: date) -> bool:
    """Whether the index says when versions were published, as the first package that it has shows."""
    for want in wants:
        found = index.newest_source(want.requirement, python, None)
        if found.ok:
            return index.gives_times(want.requirement, python, today)
    return True


def _expected(imported: Import, best: Chosen) -> Outcome:
    """Return what is known of an import before it is tried."""
    reason, advice = of_import(imported, best.python.minor)
    name = canonicalize_name(imported.package) if imported.package and imported.language == "python" else None
    choice = next((one for one in best.packages if one.name == name), None)
    if not reason and choice is not None and choice.reason:
        return Outcome(imported, None, f"{choice.name}: {choice.reason}", choice.advice)
    gone = find_gone(imported.module, imported.names) if imported.language == "python" else None
    if not reason and gone is not None and (not gone.versions or name in best.missed):
        reason, advice = of_gone(gone, best.python.minor)
    return Outcome(imported, None, reason, advice)


def _notes(seen: Survey, moment: Moment, best: Chosen, is_dated: bool) -> list[str]:
    notes = [*_about_python(seen, moment, best)]
    if not is_dated:
        notes.append(
            "the package index does not say when versions were published, so they could not be chosen by "
            f"the day ({moment.day}): the newest that fit Python {best.python.minor} were taken"
        )
    return notes


def _about_python(seen: Survey, moment: Moment, best: Chosen) -> list[str]:
    notes = []
    minor = tuple(map(int, best.python.minor.split(".")))
    wanted = python_of(moment.day, seen.pythons)
    if seen.python2:
        files = ", ".join(seen.python2[:_LISTED]) + (" …" if len(seen.python2) > _LISTED else "")
        notes.append(
            f"{files}: written for Python 2, which no environment here can be made with. Its imports are looked "
            "at in Python 3; the code itself has to be changed (2to3 or futurize does most of it)"
        )
    if minor != wanted and not seen.python2:
        notes.append(
            f"Python {wanted[0]}.{wanted[1]} was in use then; Python {best.python.minor} is the closest here "
            "that can have the packages"
        )
    if minor < _TESTED:
        notes.append(
            f"Trailmark is tested with environments of Python {_TESTED[0]}.{_TESTED[1]} and newer; Python "
            f"{best.python.minor} was chosen because the code is that old"
        )
    return notes
