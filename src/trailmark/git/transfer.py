"""Exchanging whole repositories: fetch from an address, a folder or a bundle; write a bundle; check it all.

Git's own programs do the work, in a git folder that we made, with every door closed that a stranger could
open: no hooks, no submodules, no redirects, no protocols but the one asked for, every object checked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trailmark import process
from trailmark.errors import CommandFailed, InvalidInput
from trailmark.git.address import Address, Resolve, check_public, resolve
from trailmark.git.model import Oid
from trailmark.progress import Progress

REFSPECS = (
    "+refs/heads/*:refs/heads/*",
    "+refs/tags/*:refs/tags/*",
    "+refs/trailmark/*:refs/trailmark/*",
)
_PASSED_ON = (
    "GIT_SSH",
    "GIT_SSL",
    "GIT_ASKPASS",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
)
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "protocol.version": "2",
    "http.followRedirects": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "fetch.fsckObjects": "true",
    "fetch.unpackLimit": "1",
    "gc.auto": "0",
    "maintenance.auto": "false",
}
# Blemishes of old, honest repositories: nothing in them can do harm.
_BLEMISHES = (
    "badTimezone", "missingSpaceBeforeDate", "missingSpaceBeforeEmail", "missingNameBeforeEmail",
    "missingEmail", "badDateOverflow", "zeroPaddedDate", "zeroPaddedFilemode", "badFilemode",
    "missingTaggerEntry", "multipleAuthors", "badEmail", "badName", "nulInCommit",
)  # fmt: skip
_PERCENT = re.compile(r"(?:remote: )?([A-Z][a-z ]+):\s+(\d+)%")
_KEPT_LINES = 40
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Head:
    """What the HEAD of a repository elsewhere stands for; both None when it has no commit."""

    branch: str | None
    commit: Oid | None


def find_head(address: Address, *, allow_private: bool = False, resolve: Resolve = resolve) -> Head:
    """Ask a host what HEAD stands for. Raises CommandFailed when it does not let the repository be read."""
    options = _web_options(address, allow_private, resolve)
    return _find_head(address.url, options, address.scheme, address.host)


def find_head_of_folder(source: Path) -> Head:
    """Return what HEAD of a repository on this machine stands for. Raises CommandFailed."""
    return _find_head(_file_url(source), {}, "file", str(source))


def fetch(
    git_folder: Path,
    address: Address,
    progress: Progress,
    *,
    allow_private: bool = False,
    resolve: Resolve = resolve,
) -> None:
    """Fetch every branch, tag and record from an address into a git folder. Raises CommandFailed, Cancelled."""
    options = _web_options(address, allow_private, resolve)
    refspecs = (*REFSPECS, "+refs/heads/*:refs/remotes/origin/*")
    _fetch(git_folder, address.url, refspecs, options, address.scheme, progress)


def fetch_folder(git_folder: Path, source: Path, progress: Progress, *, detached: str | None = None) -> None:
    """Fetch every branch, tag and record of a repository on this machine, running nothing of its own.

    `detached` is the branch to make of a HEAD that stands on none.
    """
    refspecs = (*REFSPECS, f"+HEAD:refs/heads/{detached}") if detached else REFSPECS
    _fetch(git_folder, _file_url(source), refspecs, {}, "file", progress)


def fetch_bundle(git_folder: Path, bundle: Path, progress: Progress) -> None:
    """Fetch every branch, tag and record out of a bundle. Raises CommandFailed, Cancelled."""
    _fetch(git_folder, str(bundle.resolve()), REFSPECS, {}, "file", progress)


def check_objects(git_folder: Path, progress: Progress) -> None:
    """Check every object and ref, strictly. Raises CommandFailed when one is damaged or could do harm."""
    progress.step("Checking every object")
    _run(
        git_folder,
        ["fsck", "--strict", "--full", "--no-dangling", "--progress"],
        {},
        "",
        progress,
        "The repository is damaged, or made to do harm. Nothing of it was kept.",
    )


def write_bundle(git_folder: Path, target: Path, progress: Progress) -> None:
    """Write every branch, tag and record to one file that git can fetch from. Raises CommandFailed."""
    refs = ["HEAD", "--branches", "--tags", "--glob=refs/trailmark/*"]
    _run(
        git_folder,
        ["bundle", "create", "--progress", str(target), *refs],
        {},
        "",
        progress,
        "The history could not be bundled. The project is as it was.",
    )


def _find_head(url: str, options: Mapping[str, str], protocol: str, name: str) -> Head:
    argv = ["git", *_options(options), "ls-remote", "--symref", "--end-of-options", url, "HEAD"]
    answer = process.run(argv, env=_environment(protocol), timeout=_PATIENCE_SECONDS)
    answer.require(f"{name} did not let the repository be read. Nothing was changed.")
    branch = re.search(r"^ref: refs/heads/(\S+)\tHEAD$", answer.stdout, re.MULTILINE)
    commit = re.search(r"^([0-9a-f]{40})\tHEAD$", answer.stdout, re.MULTILINE)
    return Head(branch[1] if branch else None, Oid(commit[1]) if commit else None)


def _fetch(
    git_folder: Path,
    source: str,
    refspecs: Sequence[str],
    options: Mapping[str, str],
    protocol: str,
    progress: Progress,
) -> None:
    progress.step("Fetching the history")
    arguments = [
        "fetch", "--progress", "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance",
        "--no-write-fetch-head", "--update-head-ok", "--update-shallow", "--end-of-options", source, *refspecs,
    ]  # fmt: skip
    failed = "The repository could not be fetched. Nothing was changed."
    _run(git_folder, arguments, options, protocol, progress, failed)


def _run(
    git_folder: Path,
    arguments: Sequence[str],
    options: Mapping[str, str],
    protocol: str,
    progress: Progress,
    failed: str,
) -> None:
    said: list[str] = []
    argv = ["git", "--git-dir", str(git_folder), *_options(options), *arguments]
    code = process.stream(
        argv,
        on_line=_listener(progress, said),
        cancelled=lambda: progress.cancelled,
        cwd=git_folder,
        env=_environment(protocol),
    )
    if code != 0:
        raise CommandFailed(f"{failed}\n" + "\n".join(said), output="\n".join(said), code=code)


def _listener(progress: Progress, said: list[str]) -> Callable[[str], None]:
    def hear(line: str) -> None:
        match = _PERCENT.match(line)
        if match:
            progress.step(match[1].strip(), int(match[2]) / 100)
            return
        progress.log(line)
        said.append(line)
        del said[:-_KEPT_LINES]

    return hear


def _options(options: Mapping[str, str]) -> list[str]:
    blemishes = {f"{check}.{name}": "ignore" for check in ("fsck", "fetch.fsck") for name in _BLEMISHES}
    settings = {**_SETTINGS, **blemishes, **options}
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _web_options(address: Address, allow_private: bool, resolve: Resolve) -> dict[str, str]:
    """Return the settings that tie a web address to the numbers that were checked."""
    if address.scheme == "ssh" or allow_private:
        return {}
    if address.scheme != "https":
        raise InvalidInput(
            f"{address.url} is not protected on its way: use https. If it is a host of your own network, "
            "allow it (--private). Nothing was fetched."
        )
    numbers = check_public(address, resolve)
    if not numbers:
        return {}
    shown = ",".join(f"[{number}]" if ":" in number else number for number in numbers)
    return {"http.curloptResolve": f"{address.host}:{address.port}:{shown}"}


def _environment(protocol: str) -> dict[str, str]:
    """Return this process's environment without what could lead git elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(_PASSED_ON)
    }
    return kept | {
        "GIT_ALLOW_PROTOCOL": protocol or "none",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "LC_ALL": "C",
    }


def _file_url(folder: Path) -> str:
    return f"file://{folder.resolve()}"
