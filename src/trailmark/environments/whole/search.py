"""Find packages for an environment, and their versions, where the lock of each manager looks for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from trailmark.environments.managers.pip import Pip
from trailmark.environments.managers.protocol import PackageManager
from trailmark.environments.package_index import newest_versions
from trailmark.environments.whole.join import looking
from trailmark.environments.whole.latest import Latest, of_place, of_python
from trailmark.environments.whole.model import WholeRequest
from trailmark.environments.whole.resolve import Means, interpreter_for, manager_named

# Python's index is asked for so many of the names that were found: each costs it an answer of its own.
_MOST_NEWEST = 8
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")


def find_packages(
    request: WholeRequest, manager: str, text: str, means: Means, home: Path, *, limit: int = 20
) -> dict[str, str | None]:
    """Return names that begin with `text`, then others that hold it, each with its newest version.

    Raises what the manager's index raises, InvalidInput for a manager that there is not.
    """
    adapter = adapter_for(request, manager, means)
    names = adapter.search(text, limit, looking(request, manager))
    if manager != "pip":
        return newest_of(request, manager, names, means, home)
    found = _find_of_python(request, text, names, means, home)
    return dict(list(found.items())[:limit])


def newest_of(
    request: WholeRequest, manager: str, names: Sequence[str], means: Means, home: Path
) -> dict[str, str | None]:
    """Return the newest version of each name, None where there is none or it cannot be told; kept for a while."""
    kept = Latest(home)
    if manager == "pip":
        python = interpreter_for(request, means.uv)
        return kept.find(
            of_python(python.minor), names, lambda missing: newest_versions(missing, python, means.uv)
        )
    adapter, wanted = manager_named(means.managers, manager), looking(request, manager)
    return kept.find(of_place(manager, wanted), names, lambda missing: adapter.newest(missing, wanted))


def versions_of(
    request: WholeRequest, manager: str, name: str, means: Means, *, limit: int = 20
) -> list[str]:
    """Return the versions of a package that the environment can have, the newest first.

    Raises InvalidInput for what is no name, Unavailable when the index cannot be asked.
    """
    return adapter_for(request, manager, means).versions(name, limit, looking(request, manager))


def adapter_for(request: WholeRequest, manager: str, means: Means) -> PackageManager:
    """Return a manager for an environment, pip too. Raises as `manager_named`."""
    if manager == "pip":
        return Pip(interpreter_for(request, means.uv), means.uv, requires=request.pip.python)
    return manager_named(means.managers, manager)


def _find_of_python(
    request: WholeRequest, text: str, names: Sequence[str], means: Means, home: Path
) -> dict[str, str | None]:
    """Return the well-known names, and before them what was typed where the index has just that."""
    typed = canonicalize_name(text.strip())
    shown = [name for name in dict.fromkeys((typed, *names)) if _NAME.fullmatch(name)]
    newest = newest_of(request, "pip", shown[:_MOST_NEWEST], means, home)
    return {name: newest.get(name) for name in shown if name in names or newest.get(name)}
