"""Read apt.txt, in which Binder's repositories ask for system packages."""

from trailmark.environments.detect.others import FoundOther
from trailmark.environments.managers.debian import read_requirement
from trailmark.errors import InvalidInput


def read_apt(text: str, source: str = "apt.txt") -> FoundOther:
    """Return the system packages that an apt.txt names, one or more on a line."""
    found = FoundOther(source, "apt")
    for line in text.removeprefix("\ufeff").splitlines():
        for word in line.partition("#")[0].split():
            try:
                name, version = read_requirement(word)
            except InvalidInput:
                found.note(
                    f"“{word[:60]!s}” is not a system package that Trailmark understands; it is left out"
                )
                continue
            found.requirements.append(f"{name}={version}" if version else name)
    return found
