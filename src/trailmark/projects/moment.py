"""Of which day the work in a folder is: its last commit that was not Trailmark's, or its newest file."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

from trailmark.environments.period import Moment
from trailmark.git import Repository

_OWN = "\nTrailmark-Record: "


def moment_of(
    repository: Repository, folder: Path, code: Iterable[str], *, at: date | None, today: date
) -> Moment:
    """Return the day whose versions the work most likely used. `code` are its files, as paths in `folder`.

    What a person says (`at`) counts first. Work that Trailmark recorded from its beginning is of today.
    """
    if at is not None:
        return Moment(at, "as asked")
    head = repository.head()
    if head is not None:
        for commit in repository.iter_commits(head):
            if _OWN not in commit.message:
                return Moment(_day(commit.time), "the last commit")
        return Moment(today, "today")
    newest = max(filter(None, (_changed(folder / path) for path in code)), default=None)
    return Moment(_day(newest), "the newest file") if newest else Moment(today, "today")


def _changed(path: Path) -> float | None:
    try:
        return path.lstat().st_mtime
    except OSError:
        return None


def _day(seconds: float) -> date:
    try:
        return datetime.fromtimestamp(seconds, UTC).date()
    except (OverflowError, OSError, ValueError):
        return date.fromtimestamp(0)
