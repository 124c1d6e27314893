"""Read which packages R code loads, without running it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Comments fall out, and strings that can be no name of a package: a # or a call within quotes is none.
_SKIPPED = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\#[^\n]*""", re.DOTALL)
_STRING = re.compile(r"""["']([^"'\\\n]*)["']""")
_PACKAGE = r"[A-Za-z][A-Za-z0-9.]*[A-Za-z0-9]"
_LOAD = re.compile(
    rf"""(?<![\w.$@])(?P<verb>library|require|requireNamespace|loadNamespace|attachNamespace)\s*
         \(\s*(?:package\s*=\s*)?(?P<quote>["'`]?)(?P<name>{_PACKAGE})(?P=quote)(?P<rest>[^()]*)""",
    re.VERBOSE,
)
_COLONS = re.compile(rf"(?<![\w.:$@\"'])(?P<name>{_PACKAGE}):::?(?=[A-Za-z._`])")
_P_LOAD = re.compile(r"\bp_load\s*\((?P<names>[^()]*)\)")
_APPLIED = re.compile(
    r"\b[lsv]apply\s*\(\s*(?:c\s*\((?P<list>[^()]*)\)|(?P<variable>[A-Za-z.][\w.]*))\s*,\s*(?:FUN\s*=\s*)?"
    r"(?:library|require)\b"
)
_LOOPED = re.compile(
    r"\bfor\s*\(\s*(?P<item>[A-Za-z.][\w.]*)\s+in\s+(?:c\s*\((?P<list>[^()]*)\)|(?P<variable>[A-Za-z.][\w.]*))\s*\)"
)
_VECTOR = re.compile(r"(?P<name>[A-Za-z.][\w.]*)\s*(?:<-|=)\s*c\s*\((?P<list>[^()]*)\)")
_NAME = re.compile(_PACKAGE)
_TRIED = re.compile(r"(?:\btry(?:Catch)?\s*\(|\bif\s*\(\s*!?\s*)\s*(?:suppress\w+\s*\(\s*)?$")


@dataclass(frozen=True)
class RPackage:
    """A package that R code loads; `optional` when the code asks first whether it is there."""

    name: str
    optional: bool = False


def read_r(text: str) -> tuple[RPackage, ...]:
    """Return the packages that R code loads, in the order in which they stand."""
    code = _SKIPPED.sub(_kept, text)
    needed: dict[str, bool] = {}
    for package in _loaded(code):
        needed[package.name] = needed.get(package.name, True) and package.optional
    return tuple(RPackage(name, optional) for name, optional in needed.items())


def _kept(match: re.Match[str]) -> str:
    text = match[1] or ""
    return text if not text or _NAME.fullmatch(text[1:-1]) else '""'


def _loaded(code: str) -> Iterator[RPackage]:
    for match in _LOAD.finditer(code):
        named_by_variable = "character.only" in match["rest"] and not match["quote"]
        before = code[max(match.start() - 60, 0) : match.start()]
        if not named_by_variable:
            optional = match["verb"] == "requireNamespace" and bool(_TRIED.search(before))
            yield RPackage(match["name"], optional)
    bare = _STRING.sub('""', code)
    yield from (RPackage(match["name"]) for match in _COLONS.finditer(bare))
    for match in _P_LOAD.finditer(code):
        names = (word.strip().strip("\"'") for word in match["names"].split(",") if "=" not in word)
        yield from (RPackage(name) for name in names if _NAME.fullmatch(name))
    yield from map(RPackage, _listed(code))


def _listed(code: str) -> Iterator[str]:
    """Yield packages that a list names, where the list is handed to library or require."""
    vectors = {match["name"]: match["list"] for match in _VECTOR.finditer(code)}
    for match in _APPLIED.finditer(code):
        yield from _names(match["list"] or vectors.get(match["variable"] or "", ""))
    for match in _LOOPED.finditer(code):
        body = code[match.end() : match.end() + 400]
        if re.search(rf"\b(?:library|require)\s*\(\s*{re.escape(match['item'])}\s*,", body):
            yield from _names(match["list"] or vectors.get(match["variable"] or "", ""))


def _names(text: str) -> Iterator[str]:
    yield from (name for name in _STRING.findall(text) if _NAME.fullmatch(name))
