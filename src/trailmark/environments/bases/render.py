"""Write a base as TOML, and say what of it makes a difference to what is built: pure, the same in, the same out."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import tomlkit

from trailmark.environments.bases.model import (
    Base,
    Debootstrap,
    LocalImage,
    ManagerPart,
    RegistryImage,
    Source,
)


def render_base(base: Base) -> str:
    """Return the base as TOML; reading it gives the same base."""
    document = tomlkit.document()
    for key, value in _facts(base).items():
        document.add(key, tomlkit.item(value))
    return tomlkit.dumps(document)


def content_digest(base: Base) -> str:
    """Return the SHA-256 over all of a base that reaches what is built; words for people do not count.

    What it brings with a package manager, and its snippets, are not in it: they are locked with the project's own.
    """
    content = {
        "id": base.id,
        "revision": base.revision,
        "source": _source(base.source),
        "languages": dict(base.languages),
        "downloads": [[file.name, file.kind, file.url, file.sha256] for file in base.downloads],
        "cuda": base.gpu.cuda if base.gpu else None,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def base_facts(base: Base) -> dict[str, Any]:
    """Return what a program wants to know of a base, as data."""
    source = base.source
    return {
        "id": base.id,
        "revision": base.revision,
        "title": base.title,
        "description": base.description,
        "icon": base.icon,
        "licence": base.licence,
        "image": base.image,
        "digest": None if isinstance(source, Debootstrap) else source.digest,
        "pinned": base.is_pinned,
        "architectures": list(base.architectures),
        "languages": dict(base.languages),
        "tools": list(base.tools),
        "managers": {name: _manager(part) for name, part in sorted(base.managers.items())},
        "snippets": [{"name": one.name, "digest": one.digest} for one in base.snippets],
        "gpu": {"cuda": base.gpu.cuda, "required": base.gpu.required} if base.gpu else None,
    }


def _facts(base: Base) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "id": base.id,
        "revision": base.revision,
        "title": base.title,
        "description": base.description,
        "icon": base.icon,
        "licence": base.licence,
        "architectures": list(base.architectures),
        "tools": list(base.tools),
    }
    facts |= _source(base.source)
    if base.languages:
        facts["languages"] = dict(sorted(base.languages.items()))
    if base.gpu:
        facts["gpu"] = {"cuda": base.gpu.cuda, "required": base.gpu.required}
    if base.managers:
        facts["managers"] = {name: _manager(part) for name, part in sorted(base.managers.items())}
    if base.downloads:
        facts["downloads"] = [
            {"name": file.name, "kind": file.kind, "url": file.url, "sha256": file.sha256}
            | ({"tool": file.tool} if file.tool else {})
            for file in base.downloads
        ]
    if base.snippets:
        facts["snippets"] = [
            {"name": one.name, "sha256": one.digest, "text": one.text} for one in base.snippets
        ]
    return facts


def _source(source: Source) -> dict[str, Any]:
    match source:
        case RegistryImage():
            return {"image": {"reference": source.reference} | _with("digest", source.digest)}
        case LocalImage():
            return {"image": {"local": source.name} | _with("digest", source.digest)}
        case Debootstrap():
            recipe = {
                "suite": source.suite,
                "variant": source.variant,
                "include": list(source.include),
                "components": list(source.components),
            }
            return {"debootstrap": recipe | _with("snapshot", source.snapshot)}


def _manager(part: ManagerPart) -> dict[str, Any]:
    return (
        {"preinstalled": list(part.preinstalled), "packages": list(part.packages)}
        | ({"channels": list(part.channels)} if part.channels else {})
        | _with("snapshot", part.snapshot)
    )


def _with(key: str, value: str | None) -> dict[str, str]:
    return {key: value} if value is not None else {}
