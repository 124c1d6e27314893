"""What runs in a person's own Python is written for Python 3.8."""

import ast
from pathlib import Path

import pytest

import trailmark_capture

FOLDER = Path(trailmark_capture.__file__).parent
OWN = ("jupyter", "gate")


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(FOLDER.rglob("*.py")) if path.relative_to(FOLDER).parts[0] not in OWN],
    ids=lambda path: path.relative_to(FOLDER).as_posix(),
)
def test_an_old_python_reads_it(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
