"""The catalogues of this machine: the shipped one, the person's own, and those that the settings name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from trailmark.environments.bases.fetch import files_of_repository
from trailmark.environments.bases.model import Base
from trailmark.environments.bases.read import LONGEST, parse_base
from trailmark.errors import InvalidInput, NotFound, TrailmarkError
from trailmark.git.address import looks_like_address

SHIPPED = "Trailmark"
OWN = "your own"
_MOST_FILES = 500


class _Readable(Protocol):
    """What a shipped file and a file on disk have in common."""

    @property
    def name(self) -> str: ...

    def read_bytes(self) -> bytes: ...


@dataclass(frozen=True)
class Listed:
    """A base, and the catalogue that it is from."""

    base: Base
    catalogue: str


@dataclass(frozen=True)
class Catalogue:
    """Every base that can be chosen, in every revision, and what could not be read."""

    listed: tuple[Listed, ...]
    problems: tuple[str, ...] = ()

    def newest(self) -> tuple[Listed, ...]:
        """Return each base in its newest revision, in the order of the catalogues."""
        newest: dict[str, Listed] = {}
        for one in self.listed:
            known = newest.get(one.base.id)
            if known is None or one.base.revision > known.base.revision:
                newest[one.base.id] = one
        return tuple(newest.values())

    def choose(
        self, *, language: str | None = None, tool: str | None = None, gpu: bool = False
    ) -> tuple[Listed, ...]:
        """Return the newest bases that have a language, a tool and a GPU, as far as these are asked for."""
        return tuple(
            one
            for one in self.newest()
            if (language is None or language in one.base.languages)
            and (tool is None or tool in one.base.tools)
            and (not gpu or one.base.gpu is not None)
        )

    def find(self, base_id: str, revision: int | None = None) -> Base | None:
        """Return a base in its newest or in one revision, None when there is none."""
        found = [
            one.base
            for one in self.listed
            if one.base.id == base_id and revision in (None, one.base.revision)
        ]
        return max(found, key=lambda base: base.revision, default=None)

    def get(self, base_id: str) -> Base:
        """Return a base in its newest revision. Raises NotFound that lists those there are."""
        found = self.find(base_id)
        if found is None:
            known = ", ".join(sorted(one.base.id for one in self.newest()))
            raise NotFound(
                f"There is no base {base_id}, so nothing was changed. There are: {known}. "
                "`trailmark bases` describes them."
            )
        return found

    def languages(self) -> tuple[str, ...]:
        """Return the languages that any base has, in order."""
        return tuple(sorted({name for one in self.newest() for name in one.base.languages}))

    def tools(self) -> tuple[str, ...]:
        """Return the tools that any base has, in order."""
        return tuple(sorted({name for one in self.newest() for name in one.base.tools}))


def load_catalogue(home: Path, more: Sequence[str] = ()) -> Catalogue:
    """Read the shipped catalogue, the person's own in `home`, and `more` (folders and git addresses).

    A base that cannot be read is named among the problems and hides no other. An id belongs to the first catalogue
    that has it, so that a stranger's catalogue cannot put another base in the place of a known one.
    """
    problems: list[str] = []
    owner_of: dict[str, str] = {}
    listed: list[Listed] = []
    for name, texts in _catalogues(home, more, problems):
        for file, text in texts:
            try:
                base = parse_base(text, f"{file} of {name}" if name != SHIPPED else file)
            except InvalidInput as error:
                problems.append(str(error))
                continue
            if owner_of.setdefault(base.id, name) != name:
                problems.append(
                    f"{name} has a base {base.id}, which is {owner_of[base.id]}'s; it is left out."
                )
            elif any(one.base.id == base.id and one.base.revision == base.revision for one in listed):
                problems.append(f"{name} has {base.id} in revision {base.revision} twice; one is left out.")
            else:
                listed.append(Listed(base, name))
    return Catalogue(tuple(listed), tuple(problems))


def own_folder(home: Path) -> Path:
    """Return where the person's own bases are kept."""
    return home / "bases"


def _catalogues(
    home: Path, more: Sequence[str], problems: list[str]
) -> Iterator[tuple[str, Iterable[tuple[str, str]]]]:
    shipped = files("trailmark.environments.bases").joinpath("shipped")
    yield SHIPPED, list(_texts((each for each in shipped.iterdir()), problems))
    yield OWN, _folder(own_folder(home), problems)
    for place in more:
        try:
            if looks_like_address(place):
                yield place, files_of_repository(home, place)
            else:
                yield place, _folder(Path(place).expanduser(), problems, must_exist=True)
        except (TrailmarkError, OSError) as error:
            problems.append(f"The catalogue {place} cannot be read: {error}")


def _folder(folder: Path, problems: list[str], *, must_exist: bool = False) -> list[tuple[str, str]]:
    if not folder.is_dir():
        if must_exist:
            raise NotFound(f"there is no folder {folder}. Mend “bases” in the settings.")
        return []
    return list(_texts((path for path in folder.iterdir() if path.is_file()), problems))


def _texts(found: Iterable[_Readable], problems: list[str]) -> Iterator[tuple[str, str]]:
    for path in sorted((each for each in found if each.name.endswith(".toml")), key=lambda one: one.name)[
        :_MOST_FILES
    ]:
        try:
            yield path.name, path.read_bytes()[: 4 * LONGEST].decode()
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"The base {path.name} cannot be read ({error}).")
