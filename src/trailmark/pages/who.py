"""Who did something: a person, or a program on a person's behalf."""

from __future__ import annotations


def person_name(author: str) -> str:
    """Return the name out of `Name <address>`."""
    return author.partition("<")[0].strip() or author


def program_name(actor: str) -> str | None:
    """Return the program out of `program:NAME`, None for a person."""
    kind, _, name = actor.partition(":")
    return (name or "a program") if kind == "program" else None
