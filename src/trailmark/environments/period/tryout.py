"""Try a proposal: install it into a throw-away folder and import each name in a fresh process."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from trailmark.environments.detect.distributions import find_package, is_well_known
from trailmark.environments.detect.imports import Import
from trailmark.environments.interpreter import Interpreter
from trailmark.environments.lock import FOR_JUPYTER
from trailmark.environments.period.index import DatedIndex
from trailmark.environments.period.model import Outcome, PackageChoice, Proposal, State
from trailmark.environments.period.propose import Machine
from trailmark.environments.period.reasons import of_failure
from trailmark.environments.uv import Uv
from trailmark.errors import Cancelled, CommandFailed, Unavailable
from trailmark.process import run
from trailmark.progress import Progress

_PATIENCE = 120.0
_BUILD_PATIENCE = 600.0
_ROUNDS = 3
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "LD_LIBRARY_PATH")
# Runs in the Python that is tried, Python 3.6 too. Prints one line of JSON; what a module prints goes elsewhere.
_IMPORT = """
import importlib, json, os, sys
told = os.dup(1)
os.dup2(2, 1)
module, names, answer = sys.argv[1], sys.argv[2:], {}
try:
    loaded = importlib.import_module(module)
    for name in names:
        if not hasattr(loaded, name):
            try:
                importlib.import_module(module + "." + name)
            except ImportError as error:
                if getattr(error, "name", None) != module + "." + name and not isinstance(loaded, type(sys)):
                    raise
                answer = {"kind": "NameMissing", "message": name, "missing": ""}
except BaseException as error:
    answer = {"kind": type(error).__name__, "message": str(error), "missing": getattr(error, "name", None) or ""}
os.write(told, json.dumps(answer).encode())
os._exit(0)
"""


@dataclass(frozen=True)
class _Failure:
    """How an import failed: the error's class, its text, and the module that it lacked."""

    kind: str
    message: str
    missing: str = ""


class _Within:
    """Ends work after a while, or when nobody wants it any more; its details are told to nobody."""

    def __init__(self, progress: Progress, seconds: float) -> None:
        self._progress = progress
        self._until = time.monotonic() + seconds

    def step(self, message: str, fraction: float | None = None) -> None:
        """Leave the stage out."""

    def log(self, line: str) -> None:
        """Leave the line out."""

    @property
    def cancelled(self) -> bool:
        """Whether it is enough."""
        return self._progress.cancelled or time.monotonic() >= self._until


@dataclass
class _Trial:
    """A throw-away environment, and what is installed in it."""

    folder: Path
    python: Path
    uv: Uv
    progress: Progress

    def install(self, pins: Mapping[str, str], *, build: bool = False) -> str:
        """Install exact versions and nothing else; return uv's reason when that fails. Raises Cancelled."""
        if not pins:
            return ""
        wanted = [f"{name}=={version}" for name, version in sorted(pins.items())]
        options = [] if build else ["--no-build"]
        arguments = [
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            *options,
            "--python",
            str(self.python),
            *wanted,
        ]
        try:
            # uv reads settings from where it runs: nobody else can put them there.
            said = self.uv.follow(arguments, _Within(self.progress, _BUILD_PATIENCE), cwd=Path("/"))
        except CommandFailed as error:
            return str(error)
        except Cancelled:
            if self.progress.cancelled:
                raise Cancelled("Stopped trying the packages, as asked; nothing was changed.") from None
            return f"it was not installed after {_BUILD_PATIENCE:g} seconds"
        return "" if said.ok else said.stderr.strip() or "uv gave no reason"

    def fails(self, imported: Import) -> _Failure | None:
        """Import a module and the names taken from it in a fresh process; None when that works."""
        argv = [str(self.python), "-I", "-W", "ignore", "-c", _IMPORT, imported.module, *imported.names]
        environ = {name: value for name, value in self.uv.environ.items() if name in _KEPT}
        home = {"HOME": str(self.folder), "MPLBACKEND": "Agg", "MPLCONFIGDIR": str(self.folder), "CI": "1"}
        try:
            said = run(argv, cwd=self.folder, env=environ | home, timeout=_PATIENCE)
        except CommandFailed:
            return _Failure("Timeout", "")
        try:
            answer = json.loads(said.stdout.rpartition("\n")[2] or "null")
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            return _Failure("Crash", f"ended with {said.code}")
        return _Failure(answer["kind"], answer["message"], answer["missing"]) if answer else None


def try_out(proposal: Proposal, machine: Machine, progress: Progress) -> Proposal:
    """Install what was proposed, import each name, and mend what can be mended; return what came of it.

    This runs the code of the packages, never the code of the project. What a package needs without saying so is
    added, and one that is too old for this Python is taken newer. What is not well known is not installed: the code
    of a stranger could name anything. Nothing is left behind. Raises Unavailable.
    """
    proposal = _well_known(proposal)
    python = next((one for one in machine.pythons if one.version == proposal.python), None)
    if python is None:
        raise Unavailable(f"Python {proposal.python} is no longer on this machine; look again.")
    with _trial(machine.uv, python, progress) as trial:
        progress.step(f"Installing {len(proposal.pins)} packages for Python {proposal.minor}")
        proposal = _built(_installed(proposal, trial), trial, progress)
        _add_kernel(proposal, trial, machine, python)
        failures = _failures(proposal, trial, progress)
        for _ in range(_ROUNDS):
            better = _better(proposal, failures, trial, machine, python, progress)
            if better is None:
                break
            proposal, failures = better
    outcomes = [_outcome(one, failures, proposal) for one in proposal.outcomes]
    return replace(proposal, outcomes=tuple(outcomes), is_tried=True, lock=None)


def _well_known(proposal: Proposal) -> Proposal:
    """Return the proposal without the packages that are not well known."""
    odd = {one.name for one in proposal.packages if not is_well_known(one.name)}
    reason, advice = (
        "it is not well known, so it was not installed to be tried",
        "Add it if you know it: trailmark env add ",
    )
    packages = [
        replace(one, state="absent", reason=reason, advice=advice + one.name) if one.name in odd else one
        for one in proposal.packages
    ]
    pins = {name: version for name, version in proposal.pins.items() if name not in odd}
    return replace(proposal, packages=tuple(packages), pins=pins)


@contextmanager
def _trial(uv: Uv, python: Interpreter, progress: Progress) -> Iterator[_Trial]:
    folder = Path(tempfile.mkdtemp(prefix="trailmark-try-"))
    try:
        made = uv.run(["venv", "--no-project", "--quiet", "--python", str(python.path), str(folder / "env")])
        if not made.ok:
            raise Unavailable(
                f"No environment could be made with {python.path}. uv says:\n{made.stderr.strip()}"
            )
        yield _Trial(folder, folder / "env" / "bin" / "python", uv, progress)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _installed(proposal: Proposal, trial: _Trial) -> Proposal:
    """Install all versions at once, or one by one when that fails, so that one bad package spoils no other."""
    if not trial.install(proposal.pins):
        return proposal
    refused = {name: trial.install({name: version}) for name, version in proposal.pins.items()}
    packages = [
        replace(one, state="conflict", reason=f"it could not be installed: {refused[one.name][-300:]}")
        if refused.get(one.name)
        else one
        for one in proposal.packages
    ]
    pins = {name: version for name, version in proposal.pins.items() if not refused[name]}
    return replace(proposal, packages=tuple(packages), pins=pins)


def _add_kernel(proposal: Proposal, trial: _Trial, machine: Machine, python: Interpreter) -> None:
    """Install what every environment has for JupyterLab, where it fits the rest: the code may count on it."""
    there = _ready(proposal)
    exact = [f"{name}=={version}" for name, version in there.items()]
    solved = DatedIndex(machine.uv).solve([*exact, *FOR_JUPYTER], python, None)
    trial.install({name: version for name, version in solved.pins.items() if name not in there})


def _built(proposal: Proposal, trial: _Trial, progress: Progress) -> Proposal:
    """Build what is there as source only."""
    packages = []
    pins = dict(proposal.pins)
    for one in proposal.packages:
        if one.state == "source" and one.version:
            progress.step(f"Building {one.name} {one.version}")
            said = trial.install({one.name: one.version}, build=True)
            if said:
                packages.append(_not_built(one, said, proposal.minor))
                continue
            pins[one.name] = one.version
            packages.append(replace(one, state="dated", reason="", advice="", is_built=True))
        else:
            packages.append(one)
    return replace(proposal, packages=tuple(packages), pins=pins)


def _not_built(one: PackageChoice, said: str, minor: str) -> PackageChoice:
    last = " ".join(said.partition("\nhint:")[0].split())[-200:].rstrip(".")
    why = f"building it for Python {minor} failed: …{last}"
    if "use_2to3 is invalid" in said:
        why = "its build is for Python 2 and for setuptools before 58"
    return replace(
        one,
        reason=f"it is there as source only, and {why}",
        advice="Install what its build needs, or take a package that replaces it.",
    )


def _failures(proposal: Proposal, trial: _Trial, progress: Progress) -> dict[str, _Failure]:
    """Import everything; return what failed, by module."""
    failures = {}
    tried = [one.imported for one in proposal.outcomes if one.imported.language == "python"]
    for number, imported in enumerate(tried):
        if progress.cancelled:
            raise Cancelled("Stopped trying the imports, as asked; nothing was changed.")
        progress.step(f"Importing {imported.module}", number / len(tried))
        failure = trial.fails(imported)
        if failure is not None:
            failures[imported.module] = failure
    return failures


def _better(
    proposal: Proposal,
    failures: Mapping[str, _Failure],
    trial: _Trial,
    machine: Machine,
    python: Interpreter,
    progress: Progress,
) -> tuple[Proposal, dict[str, _Failure]] | None:
    """Return a proposal with which less fails, and what still does; None when there is none. It is installed."""
    for mended in _mended(proposal, failures, machine, python):
        if trial.install(_ready(mended)):
            continue
        after = _failures(mended, trial, progress)
        if len(after) < len(failures) or (len(after) == len(failures) and _kinds(after) != _kinds(failures)):
            return mended, after
    trial.install(_ready(proposal))
    return None


def _kinds(failures: Mapping[str, _Failure]) -> dict[str, str]:
    """Return what each failing module lacked: another thing than before is a step on."""
    return {module: failure.missing for module, failure in failures.items()}


def _ready(proposal: Proposal) -> dict[str, str]:
    """Return the versions that need no building."""
    built = {one.name for one in proposal.packages if one.is_built}
    return {name: version for name, version in proposal.pins.items() if name not in built}


def _mended(
    proposal: Proposal, failures: Mapping[str, _Failure], machine: Machine, python: Interpreter
) -> Iterator[Proposal]:
    """Yield proposals with what failing imports lacked, or with newer versions of what failed, then of all."""
    index = DatedIndex(machine.uv)
    known = {one.name for one in proposal.packages} | set(proposal.pins)
    lacking = _lacking(proposal, failures, known)
    old = _too_old(proposal, failures, lacking)
    every = [one.name for one in proposal.packages]
    seen = [dict(proposal.pins)]
    for free, day in ((old, proposal.until), (old, None), (every, proposal.until), (every, None)):
        if not lacking and not old:
            return
        wanted = [*_wanted(proposal, free), *lacking]
        solved = index.solve(wanted, python, day, today=machine.today)
        pins = {**proposal.pins, **solved.pins}
        if solved.ok and pins not in seen:
            seen.append(pins)
            yield _with(proposal, pins, lacking, day)


def _wanted(proposal: Proposal, free: Sequence[str]) -> list[str]:
    """Return the versions that stay, and those in `free` to be chosen again within the limits of the code."""
    return [
        (one.asked or one.name) if one.name in free else f"{one.name}=={proposal.pins[one.name]}"
        for one in proposal.packages
        if one.name in proposal.pins and not one.is_built
    ]


def _lacking(proposal: Proposal, failures: Mapping[str, _Failure], known: set[str]) -> list[str]:
    """Return the packages that installed ones import without asking for them."""
    found = set()
    for module, failure in failures.items():
        own = {module.partition(".")[0]}
        package = find_package(failure.missing) if failure.missing else None
        if (
            package
            and failure.missing.partition(".")[0] not in own
            and canonicalize_name(package) not in known
        ):
            found.add(canonicalize_name(package))
    return sorted(found)


def _too_old(proposal: Proposal, failures: Mapping[str, _Failure], lacking: Sequence[str]) -> list[str]:
    """Return the packages that are there but break in this Python, to be taken newer."""
    names = []
    for one in proposal.outcomes:
        failure = failures.get(one.imported.module)
        if failure is None or one.imported.package is None or failure.kind == "NameMissing":
            continue
        inside = failure.kind != "ModuleNotFoundError" or _is_of_python(failure.missing)
        name = canonicalize_name(one.imported.package)
        if inside and name in proposal.pins and not lacking:
            names.append(name)
    return sorted(set(names))


def _is_of_python(module: str) -> bool:
    return bool(module) and find_package(module) is None


def _with(proposal: Proposal, pins: Mapping[str, str], added: Sequence[str], day: object) -> Proposal:
    state: State = "later"
    packages = [
        replace(one, version=pins[one.name], state=state, day=None)
        if one.name in pins and pins[one.name] != one.version
        else one
        for one in proposal.packages
    ]
    packages += [PackageChoice(name, state, pins[name], proposal.until) for name in added if name in pins]
    until = proposal.until if day == proposal.until else None
    return replace(proposal, packages=tuple(packages), pins=pins, until=until)


def _outcome(one: Outcome, failures: Mapping[str, _Failure], proposal: Proposal) -> Outcome:
    imported = one.imported
    if imported.language != "python":
        return one
    failure = failures.get(imported.module)
    if failure is None:
        return Outcome(imported, True)
    choice = next(
        (each for each in proposal.packages if each.name == canonicalize_name(imported.package or "-")), None
    )
    if choice is not None and choice.reason:
        return Outcome(imported, False, f"{choice.name}: {choice.reason}", choice.advice)
    reason, advice = of_failure(imported, failure.kind, failure.message, failure.missing, proposal.minor)
    return Outcome(imported, False, reason, advice)
