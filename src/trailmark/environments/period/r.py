"""R's part of an environment of another time: packages as CRAN had them on a day, and what this machine's R has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from trailmark.environments.detect.distributions import distributions
from trailmark.environments.managers.model import Wanted
from trailmark.environments.period.model import Moment, Outcome
from trailmark.errors import TrailmarkError
from trailmark.process import run
from trailmark.progress import Progress

_FIRST_SNAPSHOT = date(2017, 10, 10)
_PATIENCE = 120.0
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "R_LIBS", "R_LIBS_SITE")
_LOAD = """
name <- commandArgs(TRUE)[1]
status <- tryCatch({ suppressWarnings(suppressMessages(loadNamespace(name))); "" }, error = conditionMessage)
cat("\\n", status, sep = "")
"""


def wanted_of_r(packages: Sequence[str], moment: Moment, *, recent: bool) -> Wanted:
    """Return what to ask of R: the packages that code loads, as of the moment; the newest for recent code."""
    snapshot = None if recent else max(moment.day, _FIRST_SNAPSHOT).isoformat()
    return Wanted(tuple(packages), snapshot=snapshot) if packages else Wanted()


def notes_about_r(wanted: Wanted, moment: Moment) -> Iterator[str]:
    """Yield what a person should know of R's part."""
    if not wanted.requirements:
        return
    when = f" as CRAN had them on {wanted.snapshot}" if wanted.snapshot else ""
    yield f"R packages are asked for{when}: {', '.join(wanted.requirements)}"
    if wanted.snapshot and moment.day < _FIRST_SNAPSHOT:
        yield f"dated snapshots of CRAN begin with {_FIRST_SNAPSHOT}; that day was taken for R"
    others = [name for name in wanted.requirements if name in distributions().bioconductor]
    if others:
        yield f"{', '.join(others)}: published by Bioconductor, which a snapshot of CRAN does not hold"


def try_r(
    outcomes: Sequence[Outcome], rscript: str | None, environ: Mapping[str, str], progress: Progress
) -> tuple[Outcome, ...]:
    """Load each R package in a fresh R, as this machine has it; return what came of it. Nothing is installed."""
    return tuple(
        _tried(one, rscript, environ, progress) if one.imported.language == "r" else one for one in outcomes
    )


def _tried(one: Outcome, rscript: str | None, environ: Mapping[str, str], progress: Progress) -> Outcome:
    name = one.imported.module
    if rscript is None:
        return replace(
            one, works=False, reason="this machine has no R", advice="Install R, or choose a base with R."
        )
    progress.step(f"Loading {name} in R")
    kept = {key: value for key, value in environ.items() if key in _KEPT}
    try:
        said = run([rscript, "--vanilla", "-e", _LOAD, name], cwd=Path("/"), env=kept, timeout=_PATIENCE)
    except TrailmarkError as error:
        return replace(one, works=False, reason=str(error), advice="Try it in R yourself.")
    reason = " ".join(said.stdout.rpartition("\n")[2].split()) if said.ok else said.stderr.strip()[-200:]
    if not reason:
        return replace(one, works=True, reason="", advice="")
    if "there is no package called" in reason:
        reason = "this machine's R does not have it, and nothing was installed to try it"
        return replace(
            one, works=False, reason=reason, advice=f"Add it: trailmark env add --manager r {name}"
        )
    return replace(one, works=False, reason=reason, advice="Install what its message names.")
