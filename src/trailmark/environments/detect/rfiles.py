"""Read where R projects say what they need: renv.lock, DESCRIPTION, install.R, runtime.txt. Nothing is run."""

import re
from collections.abc import Iterator
from itertools import islice

from trailmark.environments.detect.others import FoundOther
from trailmark.environments.managers.dcf import read_paragraphs
from trailmark.environments.managers.model import Wanted
from trailmark.environments.managers.r_lock import RLock, read_lock
from trailmark.environments.managers.r_packages import (
    BASE,
    DEPENDENCY_FIELDS,
    needs_of,
    read_asked,
    split_field,
)
from trailmark.errors import Damaged, InvalidInput

_DATED = re.compile(r"(?P<before>https?://\S*/)(?P<day>\d{4}-\d{2}-\d{2})/?")
_RUNTIME = re.compile(
    r"^[ \t]*r-(?:(?P<version>\d+\.\d+(?:\.\d+)?)-)?(?P<day>\d{4}-\d{2}-\d{2})[ \t\r]*$", re.MULTILINE
)
_CALL = re.compile(
    r"\b(?P<function>install\.packages|install_version|install_github|install_cran|pkg_install|BiocManager::install)\s*\("
)
_TEXT = re.compile(r"""(["'])(?P<text>[^"'\\]*)\1""")
_NAMED = re.compile(r"\s*(?P<name>[A-Za-z_.]+)\s*=(?!=)\s*(?P<value>.*)", re.DOTALL)
_LONGEST_CALL = 20_000
_MOST_CALLS = 300


def read_renv(text: str, source: str = "renv.lock") -> FoundOther:
    """Return the packages that nothing else in an renv.lock needs, at its versions, and the lock to keep to."""
    found = FoundOther(source, "r")
    try:
        lock = read_lock(text)
    except Damaged as error:
        found.note(str(error))
        return found
    found.lock, found.runtime = text, lock.version
    names = {one.name for one in lock.packages}
    needed = {need.name for one in lock.packages for need in needs_of(one.fields) if need.name != one.name}
    for package in lock.packages:
        if not package.is_in_repository:
            found.note(f"{package.name} comes from {package.source} and is not taken over")
        elif package.name != "renv" and (package.name not in needed or needed >= names):
            found.requirements.append(f"{package.name}=={package.version}")
    _take_repositories(found, lock)
    return found


def read_description(text: str, source: str = "DESCRIPTION") -> FoundOther:
    """Return what a DESCRIPTION says that its package or project needs."""
    found = FoundOther(source, "r")
    fields = next(read_paragraphs(text.removeprefix("\ufeff")), {})
    for name in DEPENDENCY_FIELDS:
        for entry in split_field(fields.get(name, "")):
            asked = read_asked(entry)
            if asked is not None and asked.name not in BASE:
                found.requirements.append(str(asked))
            elif entry.startswith(("R ", "R(")):
                found.note(f"it wants {entry}")
            elif asked is None and entry != "R":
                found.note(f"“{entry[:60]}” is not an R package that Trailmark understands; it is left out")
    if fields.get("Suggests"):
        found.note("the packages that it only suggests are not taken over")
    if fields.get("Remotes"):
        found.note(
            f"{' '.join(fields['Remotes'].split())[:80]} come from elsewhere; CRAN's versions are taken"
        )
    return found


def read_install_r(text: str, source: str = "install.R") -> FoundOther:
    """Return the packages that an install.R installs by name."""
    found = FoundOther(source, "r")
    code = re.sub(r"(?m)^[ \t]*#.*$", "", text)
    for match in islice(_CALL.finditer(code), _MOST_CALLS):
        arguments = list(_arguments(code, match.end()))
        plain = [one for one in arguments if not _NAMED.fullmatch(one)]
        named = {one["name"]: one["value"] for one in map(_NAMED.fullmatch, arguments) if one}
        names = [one["text"] for one in _TEXT.finditer(plain[0] if plain else named.get("pkgs", ""))]
        function = match["function"]
        if function in ("install_github", "BiocManager::install"):
            found.note(f"{', '.join(names)[:80] or 'what'} {function} installs is not taken over")
        elif not names:
            found.note(f"what {function} installs is worked out when it is run, so it is not known here")
        elif function == "install_version":
            version = _TEXT.search(named.get("version", plain[1] if len(plain) > 1 else ""))
            _want(found, names[0] + (f"=={version['text']}" if version else ""))
        else:
            for name in names:
                _want(found, name)
    return found


def read_r_runtime(text: str) -> tuple[str | None, str] | None:
    """Return R's version (None: any) and the day that a runtime.txt of Binder asks for; None for another language."""
    match = _RUNTIME.search(text)
    if match is None:
        return None
    try:
        Wanted(snapshot=match["day"])
    except InvalidInput:
        return None
    return match["version"], match["day"]


def _want(found: FoundOther, text: str) -> None:
    asked = read_asked(text)
    if asked is None:
        found.note(f"“{text[:60]!s}” is not an R package that Trailmark understands; it is left out")
    elif asked.name not in BASE:
        found.requirements.append(str(asked))


def _take_repositories(found: FoundOther, lock: RLock) -> None:
    """Take up the repositories of a lock when they are of a day; others are the installation's own choice."""
    for name, address in lock.repositories.items():
        dated = _DATED.fullmatch(address)
        if dated and found.snapshot in (None, dated["day"]):
            found.snapshot = dated["day"]
            found.channels.append(f"{dated['before']}{{snapshot}}")
        elif name != "CRAN":
            found.note(f"the repository {name} ({address[:80]}) is not taken over")
    if found.snapshot:
        try:
            found.wanted()
        except InvalidInput:
            found.snapshot, found.channels = None, []


def _arguments(code: str, start: int) -> Iterator[str]:
    """Yield the arguments of a call whose parenthesis opens before `start`."""
    depth, quote, begun = 0, "", start
    for place in range(start, min(len(code), start + _LONGEST_CALL)):
        character = code[place]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}" and depth:
            depth -= 1
        elif character in ")]}" or (character == "," and not depth):
            yield code[begun:place]
            begun = place + 1
            if character != ",":
                return
