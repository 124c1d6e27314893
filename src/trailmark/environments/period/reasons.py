"""Say in a person's words why something cannot be had or imported, and what to do: pure."""

import re

from trailmark.environments.detect.distributions import Gone, distributions, find_gone, find_package
from trailmark.environments.detect.imports import Import

Why = tuple[str, str]
_LONGEST = 300
_NO_WHEELS = re.compile(r"no usable wheels|has no wheels|have no wheels|no wheels with a matching")
_NOT_THERE = re.compile(
    r"was not found in the (?:package registry|provided package locations)|there are no versions"
)
_NEEDS_PYTHON = re.compile(r"depends on Python|requires-python|does not satisfy Python", re.IGNORECASE)
_LIBRARY = re.compile(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object file")


def of_resolver(name: str, said: str, minor: str) -> Why:
    """Return why a package cannot be had, from what uv says, and what to do."""
    if _NOT_THERE.search(said) and f"{name} was not found" in said.replace("_", "-").lower():
        return (
            "the package index has no package of this name",
            "If it is your own code, put it into the project; if it has another name, add that: "
            "trailmark env add NAME",
        )
    if _NO_WHEELS.search(said):
        return (
            f"it is there as source only for Python {minor} on this machine, and has to be built",
            "Try it with --try, which builds it, or take a package that replaces it.",
        )
    if _NEEDS_PYTHON.search(said):
        return f"no version of it is for Python {minor}", "Ask for another Python in trailmark.toml."
    return (
        f"it does not fit the other packages: {_last(said)}",
        f"Add it by itself and see what must give way: trailmark env add {name}",
    )


def of_import(imported: Import, minor: str) -> Why:
    """Return what is known to be wrong with an import before it is tried; empty for nothing."""
    table = distributions()
    top = imported.module.partition(".")[0]
    if imported.language == "r":
        return "", ""
    if imported.kind == "unknown":
        return (
            "no well-known package gives it",
            "If it is your own code, put it into the project; else add its package: trailmark env add NAME",
        )
    if imported.kind == "python2":
        return "it belongs to Python 2's standard library", _instead(table.python2[top])
    ended = table.ended.get(top)
    if imported.kind == "standard" and ended and tuple(map(int, minor.split("."))) >= ended:
        return f"Python's standard library lost it in {ended[0]}.{ended[1]}", _older(ended)
    return "", ""


def of_gone(gone: Gone, minor: str) -> Why:
    """Return why an import that a package lost does not work with what can be installed."""
    only = f"{gone.package} has it only in versions {gone.versions}, which Python {minor} cannot have here"
    return only if gone.versions else f"{gone.package} no longer gives it", f"Use instead: {gone.now}"


def of_failure(imported: Import, kind: str, message: str, missing: str, minor: str) -> Why:
    """Return why an import that was tried failed, from the error's class, its text and the module it lacked."""
    known = of_import(imported, minor)
    gone = find_gone(imported.module, imported.names)
    library = _LIBRARY.search(message)
    short = _last(message)
    top = imported.module.partition(".")[0]
    if known[0]:
        return known
    if library:
        return (
            f"the system's library {library[1]} is not on this machine",
            "Install the system's package that has it, or choose a base that does.",
        )
    if missing and missing.partition(".")[0] != top:
        package = find_package(missing)
        advice = (
            f"Add it: trailmark env add {package}"
            if package
            else "Find the package that gives it, and add that."
        )
        return f"it needs {missing}, which is not installed in a version that fits", advice
    if gone and kind in ("ModuleNotFoundError", "ImportError", "AttributeError", "NameMissing"):
        return of_gone(gone, minor)
    if kind == "ModuleNotFoundError":
        return f"there is no module {missing or imported.module} in the version that was installed", (
            "Look into the package's list of changes for its new name."
        )
    if kind == "NameMissing":
        return (
            f"the installed version has no {short}",
            "Look into the package's list of changes for its new name.",
        )
    if kind == "SyntaxError":
        return (
            "the version that was installed is for another Python",
            "Ask for a newer version of its package.",
        )
    if kind == "Timeout":
        return (
            "it had not finished after two minutes",
            "Try it yourself: trailmark run -- python -c 'import …'",
        )
    if kind == "Crash":
        return f"Python crashed ({short})", "Ask for a newer version of its package."
    return f"{kind}: {short}", (
        f"Ask for another version of its package: trailmark env add {imported.package or 'NAME'}==VERSION"
    )


def _instead(name: str) -> str:
    return f"In Python 3 it is {name}; 2to3 or futurize changes the code." if name else "Rewrite that part."


def _older(ended: tuple[int, int]) -> str:
    return f"Ask for a Python before {ended[0]}.{ended[1]} in trailmark.toml, or rewrite that part."


def _last(message: str) -> str:
    """Return the end of a message as one line."""
    line = " ".join(message.split())
    return line if len(line) <= _LONGEST else "…" + line[1 - _LONGEST :]
