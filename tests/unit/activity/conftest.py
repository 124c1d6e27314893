from collections.abc import Callable
from pathlib import Path

import pytest

from trailmark.activity import Action, Change, NewFile, ProjectLock, Recorded, Trail, record
from trailmark.git import Repository
from trailmark.settings import Person

Doer = Callable[..., Recorded]


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    repository = Repository.init(tmp_path / "project")
    person = Person("Ada Lovelace", "ada@example.org")
    return Trail(repository, ProjectLock(tmp_path / "lock"), "desk", person)


@pytest.fixture
def do(trail: Trail) -> Doer:
    """Record an action in short: `do("x = 1", put={"a.txt": b"…"}, status="error", …)`."""

    def doing(
        code: str, *, kind: str = "cell", put: dict[str, bytes] | None = None, **facts: object
    ) -> Recorded:
        files = {path: NewFile(data) for path, data in (put or {}).items()}
        action = Action(kind, facts.pop("title", code.split("\n", 1)[0]), code=code, **facts)  # type: ignore[arg-type]
        return record(trail, action, Change(put=files))

    return doing
