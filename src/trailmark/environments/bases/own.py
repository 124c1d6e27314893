"""The person's own catalogue: keeping a base in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from trailmark.durable import write_file
from trailmark.environments.bases.catalogue import OWN, Catalogue, own_folder
from trailmark.environments.bases.model import Base
from trailmark.environments.bases.read import ID, parse_base
from trailmark.environments.bases.render import render_base
from trailmark.errors import AlreadyExists, InvalidInput


def keep_base(home: Path, base: Base, catalogue: Catalogue) -> Base:
    """Keep a base in the person's own catalogue, as the next revision where it has that id already.

    Raises InvalidInput for an id that cannot be, AlreadyExists for one that is another catalogue's.
    """
    if not ID.fullmatch(base.id):
        raise InvalidInput(
            f"“{base.id}” cannot be the id of a base: use small letters, digits and “-”, at most 63. "
            "Nothing was kept."
        )
    owner = next((one.catalogue for one in catalogue.listed if one.base.id == base.id), OWN)
    if owner != OWN:
        raise AlreadyExists(f"{base.id} is a base of {owner} already. Choose another name; nothing was kept.")
    before = catalogue.find(base.id)
    kept = replace(base, revision=before.revision + 1 if before else 1)
    text = render_base(kept)
    parse_base(text, kept.id)
    folder = own_folder(home)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_file(folder / f"{kept.id}-{kept.revision}.toml", text.encode(), mode=0o644)
    return kept
