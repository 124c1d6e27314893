"""The bases that can be chosen, as a value that pages show."""

from __future__ import annotations

from dataclasses import dataclass

from trailmark.environments.bases.catalogue import SHIPPED, Catalogue, Listed
from trailmark.environments.bases.model import Base

_LANGUAGES = {"python": "Python", "r": "R", "julia": "Julia", "bash": "Bash"}
_TOOLS = {"jupyterlab": "JupyterLab", "rstudio": "RStudio", "code": "VS Code", "terminal": "Terminal"}


@dataclass(frozen=True)
class BaseCard:
    """One base as its card shows it. `has` lists languages, CUDA and tools, for a person."""

    id: str
    revision: int
    title: str
    description: str
    icon: str
    has: tuple[str, ...]
    brings: tuple[str, ...]
    image: str
    licence: str
    catalogue: str | None
    is_pinned: bool


@dataclass(frozen=True)
class BaseCards:
    """All bases that fit the filters, and what there is to filter by (pairs of value and label)."""

    cards: tuple[BaseCard, ...]
    languages: tuple[tuple[str, str], ...]
    tools: tuple[tuple[str, str], ...]
    language: str
    tool: str
    chosen: str
    problems: tuple[str, ...]


def cards_for(catalogue: Catalogue, *, language: str = "", tool: str = "", chosen: str = "") -> BaseCards:
    """Return the cards for a language and a tool; empty texts let all through."""
    found = catalogue.choose(language=language or None, tool=tool or None)
    return BaseCards(
        cards=tuple(_card(one) for one in found),
        languages=(("", "Any language"), *((name, language_label(name)) for name in catalogue.languages())),
        tools=(("", "Any tool"), *((name, base_tool_label(name)) for name in catalogue.tools())),
        language=language,
        tool=tool,
        chosen=chosen,
        problems=catalogue.problems,
    )


def card_of(base: Base, catalogue: str | None = None) -> BaseCard:
    """Return the card of one base."""
    languages = (f"{language_label(name)} {version}" for name, version in base.languages.items())
    gpu = (f"CUDA {base.gpu.cuda}",) if base.gpu else ()
    tools = (base_tool_label(name) for name in base.tools if name != "terminal")
    brings = tuple(name for part in base.managers.values() for name in part.packages)
    return BaseCard(
        base.id, base.revision, base.title, base.description, base.icon, (*languages, *gpu, *tools), brings,
        base.image, base.licence, catalogue, base.is_pinned,
    )  # fmt: skip


def language_label(name: str) -> str:
    """Return a language's name as people write it."""
    return _LANGUAGES.get(name, name)


def base_tool_label(name: str) -> str:
    """Return a tool's name as people write it."""
    return _TOOLS.get(name, name)


def _card(one: Listed) -> BaseCard:
    return card_of(one.base, None if one.catalogue == SHIPPED else one.catalogue)
