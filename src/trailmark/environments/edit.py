"""Change what is asked for: pure, the same request in gives the same request out."""

from collections.abc import Sequence
from dataclasses import replace

from packaging.utils import canonicalize_name

from trailmark.environments.model import EnvironmentRequest, parse_requirement
from trailmark.errors import InvalidInput, NotFound


def add(request: EnvironmentRequest, requirement: str) -> EnvironmentRequest:
    """Ask for one more package; a requirement of the same name is replaced where it stands."""
    wanted = requirement.strip()
    name = package_name(wanted)
    kept = [text for text in request.packages if package_name(text) != name]
    before = next((n for n, text in enumerate(request.packages) if package_name(text) == name), len(kept))
    return replace(request, packages=(*kept[:before], wanted, *kept[before:]))


def replace_all(request: EnvironmentRequest, requirements: Sequence[str]) -> EnvironmentRequest:
    """Ask for packages in just these lines: those of a name stand in for all of it, where the first was."""
    lines: dict[str, list[str]] = {}
    for text in requirements:
        lines.setdefault(package_name(text), []).append(text.strip())
    packages: list[str] = []
    for text in request.packages:
        name = package_name(text)
        packages += lines.pop(name, []) if name in lines else []
        packages += [] if name in {package_name(one) for one in requirements} else [text]
    return replace(request, packages=(*packages, *(one for each in lines.values() for one in each)))


def remove(request: EnvironmentRequest, name: str) -> EnvironmentRequest:
    """Ask for one package less. Raises NotFound when it was not asked for."""
    wanted = package_name(name.strip())
    kept = tuple(text for text in request.packages if package_name(text) != wanted)
    if len(kept) == len(request.packages):
        asked = ", ".join(sorted(package_name(text) for text in kept)) or "no package"
        raise NotFound(
            f"{name} was not asked for, so nothing was changed. This environment asks for {asked}; "
            "what those need comes and goes with them."
        )
    return replace(request, packages=kept)


def with_python(request: EnvironmentRequest, python: str) -> EnvironmentRequest:
    """Ask for another Python, such as “==3.12.*”."""
    if not python.strip():
        raise InvalidInput("Say which Python is meant, such as “>=3.11”. Nothing was changed.")
    return replace(request, python=python.strip())


def package_name(requirement: str) -> str:
    """Return the normalised name of the package that a requirement asks for."""
    return canonicalize_name(parse_requirement(requirement).name)
