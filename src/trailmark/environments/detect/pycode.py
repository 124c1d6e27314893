"""Read which modules Python code imports, without running it; by its tokens where today's parser refuses it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from trailmark.environments.detect.projectfiles import parse_code
from trailmark.environments.detect.pytokens import Line, read_lines

_CAUGHT = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_CHOICES = re.compile(r"version_info|\bPY[23]\b|TYPE_CHECKING|python_version|hexversion")
_FARTHEST = 300


@dataclass(frozen=True)
class Statement:
    """One import: the module, the names taken from it, and whether the code can do without (`optional`)."""

    module: str
    names: tuple[str, ...] = ()
    optional: bool = False


@dataclass(frozen=True)
class PythonCode:
    """What a piece of Python code imports. `is_python2`: it can only be meant for Python 2."""

    statements: tuple[Statement, ...]
    is_python2: bool = False


def read_python(text: str) -> PythonCode:
    """Return the imports of Python code, in the order in which they stand."""
    tree = parse_code(text)
    if tree is not None:
        return PythonCode(tuple(_of_tree(tree)))
    lines = read_lines(text)
    return PythonCode(tuple(_of_lines(lines)), any(line.is_python2 for line in lines))


def _of_tree(tree: ast.Module) -> Iterator[Statement]:
    """Walk without recursion: generated code can be deeper than Python's stack."""
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, optional = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (Statement(alias.name, (), optional) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = tuple(alias.name for alias in node.names if alias.name != "*")
            yield Statement(node.module, names, optional)
        else:
            may_fail = optional or _may_fail(node)
            waiting += [(child, may_fail) for child in reversed(list(ast.iter_child_nodes(node)))]


def _may_fail(node: ast.AST) -> bool:
    """Whether what stands below is tried only, or chosen by the Python that runs."""
    if isinstance(node, ast.If):
        names = {
            part.attr if isinstance(part, ast.Attribute) else part.id
            for part in ast.walk(node.test)
            if isinstance(part, ast.Attribute | ast.Name)
        }
        return any(_CHOICES.search(name) for name in names)
    if isinstance(node, ast.Try):
        return any(_catches(handler) for handler in node.handlers)
    return False


def _catches(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(one, ast.Name) and one.id in _CAUGHT for one in caught)


def _of_lines(lines: list[Line]) -> Iterator[Statement]:
    for number, line in enumerate(lines):
        for words in line.statements:
            if words[:1] in (("import",), ("from",)):
                optional = _is_optional(lines, number)
                yield from _imported(words, optional)


def _imported(words: tuple[str, ...], optional: bool) -> Iterator[Statement]:
    if words[0] == "from":
        split = words.index("import") if "import" in words else len(words)
        module = "".join(words[1:split])
        names = [part[0] for part in _parts(words[split + 1 :]) if part[0] != "*"]
        if module and not module.startswith("."):
            yield Statement(module, tuple(names), optional)
        return
    for part in _parts(words[1:]):
        dotted = part[: part.index("as")] if "as" in part else part
        yield Statement("".join(dotted), (), optional)


def _parts(words: tuple[str, ...]) -> Iterator[list[str]]:
    part: list[str] = []
    for word in (*words, ","):
        if word == ",":
            if part and re.fullmatch(r"\w+|\*", part[0]):
                yield part
            part = []
        elif word not in "()":
            part.append(word)


def _is_optional(lines: list[Line], number: int) -> bool:
    """Whether the line stands in a try that catches a failing import, or in the branch for its failure."""
    line = lines[number]
    begin = number
    if not line.opens:
        begin = next(
            (n for n in range(number - 1, max(number - _FARTHEST, -1), -1) if lines[n].indent < line.indent),
            -1,
        )
    if begin < 0:
        return False
    opened = lines[begin]
    if opened.opens in ("except", "else"):
        return True
    if opened.opens in ("if", "elif"):
        return bool(_CHOICES.search(" ".join(word for words in opened.statements for word in words)))
    if opened.opens != "try":
        return False
    after = lines[begin + 1 : begin + _FARTHEST]
    handler = next((one for one in after if one.indent <= opened.indent), None)
    if handler is None or handler.opens != "except":
        return False
    words = handler.statements[0][1:] if handler.statements else ()
    return not words or not _CAUGHT.isdisjoint(words)
