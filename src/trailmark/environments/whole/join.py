"""Put the packages that a base brings together with the project's own: pure; the project's own word counts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from packaging.utils import canonicalize_name

from trailmark.environments.bases.model import Base
from trailmark.environments.managers.model import Wanted
from trailmark.environments.model import EnvironmentRequest, parse_requirement
from trailmark.environments.whole.model import OTHERS, WholeRequest

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def joined(request: WholeRequest) -> tuple[EnvironmentRequest, dict[str, Wanted]]:
    """Return what has to be resolved: of pip, and of each other manager of which anything is asked."""
    others = {name: looking(request, name) for name in OTHERS}
    others = {name: wanted for name, wanted in others.items() if wanted.requirements}
    base = request.base
    if base is None:
        return request.pip, others
    own = {canonicalize_name(parse_requirement(text).name) for text in request.pip.packages}
    brought = (
        text
        for text in base.manager("pip").packages
        if canonicalize_name(parse_requirement(text).name) not in own
    )
    return replace(request.pip, packages=(*brought, *request.pip.packages)), others


def looking(request: WholeRequest, manager: str) -> Wanted:
    """Return what is asked of a manager other than pip, nothing perhaps, and where its lock looks for it."""
    own = request.others.get(manager, Wanted())
    return _join(own, request.base, manager) if request.base else own


def from_base(base: Base | None, manager: str) -> frozenset[str]:
    """Return the names, in small letters, of the packages that a base brings with a manager."""
    return frozenset(_names(base.manager(manager).packages)) if base else frozenset()


def _join(own: Wanted, base: Base, manager: str) -> Wanted:
    part, names = base.manager(manager), set(_names(own.requirements))
    brought = tuple(text for text in part.packages if not names.intersection(_names([text])))
    return Wanted(
        (*brought, *own.requirements),
        own.channels or part.channels,
        own.snapshot or part.snapshot,
        own.runtime or _runtime(base, manager),
        base.engine_image if manager == "r" and "r" in base.languages else None,
    )


def _runtime(base: Base, manager: str) -> str | None:
    """Return what a manager's packages are for: R's version, and for apt the base's own package state."""
    match manager:
        case "r":
            return base.languages.get("r")
        case "apt":
            return base.engine_image
        case _:
            return None


def _names(requirements: Iterable[str]) -> list[str]:
    matches = (_NAME.match(text.strip().rpartition("::")[2]) for text in requirements)
    return [match[0].lower() for match in matches if match]
