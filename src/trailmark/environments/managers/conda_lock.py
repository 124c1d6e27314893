"""The lock of conda packages: a conda-lock.yml (version 1), which conda-lock, micromamba, mamba and pixi read, too.

Read as plain text throughout, so that version 3.10 stays 3.10, and the digest does not depend on a YAML reader.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml  # type: ignore[import-untyped]

from trailmark.environments.managers.model import (
    LockedItem,
    ManagerLock,
    damaged,
    digest_of,
    require_lock_size,
    require_text,
)

FILE_NAME = "conda-lock.yml"
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_HASHES = ("sha256", "md5")
_DEEPEST = 30


@dataclass(frozen=True)
class Package:
    """One package that was chosen: where it is, its hashes, and what it depends on (as conda writes it)."""

    name: str
    version: str
    url: str
    hashes: Mapping[str, str]
    depends: tuple[str, ...]


def render_lock(
    packages: Sequence[Package], *, requirements: Sequence[str], channels: Sequence[str], platform: str
) -> str:
    """Return the text of the lock for packages in any order."""
    content = {
        "version": 1,
        "metadata": {
            "content_hash": {platform: digest_of([platform, sorted(requirements), list(channels)])},
            "channels": [{"url": channel, "used_env_vars": []} for channel in channels],
            "platforms": [platform],
            "sources": ["trailmark.toml"],
        },
        "package": [
            {
                "name": one.name,
                "version": one.version,
                "manager": "conda",
                "platform": platform,
                "dependencies": _dependencies(one.depends),
                "url": one.url,
                "hash": {kind: one.hashes[kind] for kind in ("md5", "sha256") if kind in one.hashes},
                "category": "main",
                "optional": False,
            }
            for one in sorted(packages, key=lambda one: one.name)
        ],
    }
    text: str = yaml.dump(content, Dumper=_DUMPER, sort_keys=False, width=1000, allow_unicode=True)
    return text


def parse_lock(text: str, platform: str) -> ManagerLock:
    """Read a lock: its packages for `platform`, or else for the first platform that it is for. Raises Damaged."""
    content = _read(require_lock_size(text, FILE_NAME))
    if content.get("version") != "1":
        raise damaged(FILE_NAME, "it does not say that it is a conda-lock file of version 1")
    metadata, packages = content.get("metadata"), content.get("package")
    listed = metadata.get("platforms") if isinstance(metadata, dict) else None
    if not isinstance(listed, list) or not listed or not all(isinstance(one, str) for one in listed):
        raise damaged(FILE_NAME, "it does not say which platforms it is for")
    if not isinstance(packages, list):
        raise damaged(FILE_NAME, "it lists no packages")
    chosen = platform if platform in listed else listed[0]
    items = [_item(one, number) for number, one in enumerate(packages, start=1)]
    there = tuple(item for place, item in items if place == chosen)
    names = [item.name for item in there]
    if len(names) != len(set(names)):
        twice = sorted(name for name in set(names) if names.count(name) > 1)
        raise damaged(FILE_NAME, f"it lists {twice[0]} twice for {chosen}")
    return ManagerLock("conda", FILE_NAME, text, digest_of(content), there)


def channels_of(lock: ManagerLock) -> tuple[str, ...]:
    """Return the channels that a lock was resolved from."""
    metadata = _read(lock.text).get("metadata")
    listed = metadata.get("channels") if isinstance(metadata, dict) else None
    found = [one.get("url") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return tuple(url for url in found if isinstance(url, str))


def _read(text: str) -> dict[str, object]:
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.AliasEvent):
                raise damaged(FILE_NAME, "it refers to parts of itself, which no lock does")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise damaged(FILE_NAME, "its tables are nested too deep")
        content = yaml.load(text, Loader=_LOADER)  # builds only texts, lists and tables
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        reason = (str(error).splitlines() or ["it is nested too deep"])[0]
        raise damaged(FILE_NAME, f"it is not valid YAML ({reason})") from error
    if not isinstance(content, dict):
        raise damaged(FILE_NAME, "it is not a table")
    return content


def _item(package: object, number: int) -> tuple[str, LockedItem]:
    where = f"package {number}"
    if not isinstance(package, dict):
        raise damaged(FILE_NAME, f"{where} is not a table")
    name, version, manager, platform, url = (
        require_text(package, key, FILE_NAME, where)
        for key in ("name", "version", "manager", "platform", "url")
    )
    if manager != "conda":
        raise damaged(
            FILE_NAME, f"{name} comes from {manager}; such packages belong in that manager's own lock"
        )
    hashes = package.get("hash")
    known = tuple(
        f"{kind}:{hashes[kind]}"
        for kind in _HASHES
        if isinstance(hashes, dict) and isinstance(hashes.get(kind), str)
    )
    if not known:
        raise damaged(FILE_NAME, f"{where} ({name}) has no hash")
    return platform, LockedItem(name, version, url, known)


def _dependencies(depends: Sequence[str]) -> dict[str, str]:
    """Return name → versions; what conda names twice must hold together."""
    found: dict[str, list[str]] = {}
    for text in depends:
        name, _, rest = text.partition(" ")
        found.setdefault(name, []).extend([rest.split(" ")[0]] if rest else [])
    return {name: ",".join(found[name]) for name in sorted(found)}
