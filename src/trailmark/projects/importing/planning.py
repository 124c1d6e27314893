"""Planning an import: fetch into a private folder, check all of it, and say what was found."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from trailmark.activity import RECORDS
from trailmark.environments.detect import Detected, FolderText, detect
from trailmark.environments.managers.model import Wanted
from trailmark.environments.model import EnvironmentRequest
from trailmark.environments.period import Proposal
from trailmark.errors import AlreadyExists, CommandFailed, Damaged, InvalidInput
from trailmark.git import BRANCHES, LINK, Repository, checkout, present, transfer
from trailmark.git.address import Address, parse_address
from trailmark.progress import Progress
from trailmark.projects.archive import BUNDLE, Contents, unpack
from trailmark.projects.importing.helping import Help, help_import
from trailmark.projects.importing.source import Archive, Folder, Remote, Source, name_of, parse_source, shown
from trailmark.projects.importing.survey import Size, measure, measure_folder, remarks
from trailmark.projects.manifest import FILE_NAME, parse_manifest
from trailmark.projects.names import suggest_name
from trailmark.projects.new import place_for
from trailmark.settings import Settings
from trailmark_capture.journal import new_id

STALE_SECONDS = 24 * 3600.0
_SENTENCE = re.compile(r"\s*\n\s*\n\s*")
_LONGEST_DESCRIPTION = 200
_MOST_NAMES = 100


@dataclass(frozen=True)
class ImportPlan:
    """What an import would make; for a person to confirm. Nothing of it is in the projects folder yet.

    `request` is what the code seems to need, from the files named in `sources`; None when the source says so
    itself in its `trailmark.toml`. `proposal` says how its versions were chosen, where no file named them; `others`
    is what is asked of other managers. `notes` are remarks for the person. `staging` is the private folder.
    """

    id: str
    source: Source
    shown: str
    name: str
    description: str
    request: EnvironmentRequest | None
    sources: tuple[str, ...]
    notes: tuple[str, ...]
    size: Size
    commits: bool
    records: bool
    staging: Path
    proposal: Proposal | None = None
    others: Mapping[str, Wanted] = field(default_factory=dict, hash=False)
    detected: Detected | None = field(default=None, repr=False)

    @property
    def building(self) -> Path:
        """Where the project is being built."""
        return self.staging / "project"


def plan_import(
    text: str,
    settings: Settings,
    progress: Progress,
    *,
    here: Path,
    allow_private: bool = False,
    help_with: Help | None = None,
) -> ImportPlan:
    """Look at a folder, an address or an exported file, and say what importing it would make.

    `help_with` chooses versions of the work's time where its files declare none; without it any version is asked for.
    Raises PrivateAddress for a web address on a private network unless that is allowed, CommandFailed when
    the repository cannot be had or is damaged, NotFound, InvalidInput, Damaged, Cancelled.
    """
    source = parse_source(text, here, settings)
    _drop_stale(settings)
    staging = settings.home / "imports" / new_id()
    staging.mkdir(parents=True, mode=0o700)
    try:
        plan = _planned(source, staging, settings, progress, allow_private=allow_private)
        return _helped(plan, help_with, progress) if help_with is not None else plan
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _helped(plan: ImportPlan, help_with: Help, progress: Progress) -> ImportPlan:
    """Return the plan with versions chosen for what it needs, where nothing says which."""
    if plan.request is None or plan.detected is None:
        return plan
    folder = plan.source.path if isinstance(plan.source, Folder) and plan.source.has_files else plan.building
    helped = help_import(plan.detected, Repository.open(plan.building), folder, help_with, progress)
    request = helped.proposal.request if helped.proposal is not None else plan.request
    notes = tuple(dict.fromkeys((*plan.notes, *helped.notes)))
    return replace(plan, request=request, proposal=helped.proposal, others=helped.others, notes=notes)


def discard_import(plan: ImportPlan) -> None:
    """Throw away what was fetched for a plan that is not wanted."""
    shutil.rmtree(plan.staging, ignore_errors=True)


def _planned(
    source: Source, staging: Path, settings: Settings, progress: Progress, *, allow_private: bool
) -> ImportPlan:
    building = staging / "project"
    notes: list[str] = []
    name = name_of(source)
    repository = Repository.init(building)
    match source:
        case Remote():
            _fetch_remote(repository, source.address, progress, allow_private=allow_private)
        case Archive():
            contents = _fetch_archive(repository, source.path, staging, progress)
            name = contents.name
            notes += _not_held(contents)
        case Folder(has_history=True):
            _fetch_folder(repository, source, progress)
    if not (isinstance(source, Folder) and not source.has_history):
        notes += _drop_odd_refs(repository)
        transfer.check_objects(repository.git_folder, progress)
    tree = repository.tree_of(repository.head())
    size = measure(repository, tree, staging)
    looked_at = building
    if isinstance(source, Folder) and source.has_files:
        looked_at, size = source.path, measure_folder(source.path)
    else:
        progress.step("Putting the files in place")
        plan = checkout.plan_checkout(repository, None, tree)
        checkout.apply_checkout(repository, plan, keep=staging / "kept")
    notes += remarks(repository, tree)
    progress.step("Looking at what it needs")
    return _described(source, staging, settings, repository, looked_at, name, size, notes)


def _described(
    source: Source,
    staging: Path,
    settings: Settings,
    repository: Repository,
    folder: Path,
    name: str,
    size: Size,
    notes: list[str],
) -> ImportPlan:
    detected, sources, description = _wanted(folder, name, notes)
    return ImportPlan(
        id=staging.name,
        source=source,
        shown=shown(source),
        name=_free_name(name, settings),
        description=description,
        request=detected.request if detected is not None else None,
        sources=sources,
        notes=tuple(dict.fromkeys(notes)),
        size=size,
        commits=repository.head() is not None,
        records=bool(repository.refs(RECORDS)),
        staging=staging,
        detected=detected,
    )


def _wanted(folder: Path, name: str, notes: list[str]) -> tuple[Detected | None, tuple[str, ...], str]:
    """Return what the files ask for, which files say so, and what the project is about."""
    found = present.read(folder, FILE_NAME, max_bytes=1_000_000)
    if isinstance(found, present.Found) and found.mode != LINK:
        try:
            manifest = parse_manifest(found.data.decode("utf-8", "replace"), default_name=name)
        except InvalidInput as error:
            notes.append(str(error))
            return None, (FILE_NAME,), ""
        return None, (FILE_NAME,), manifest.description
    if found is not None:
        raise InvalidInput(f"Its {FILE_NAME} is no ordinary file. Nothing was kept.")
    detected = detect(FolderText(folder))
    notes += detected.notes
    return detected, detected.sources, _first_sentence(folder)


def _fetch_remote(
    repository: Repository, address: Address, progress: Progress, *, allow_private: bool
) -> None:
    progress.step(f"Asking {address.host}")
    try:
        head = transfer.find_head(address, allow_private=allow_private)
    except CommandFailed as error:
        other = _with_suffix(address, error)
        if other is None:
            raise
        address, head = other, transfer.find_head(other, allow_private=allow_private)
    transfer.fetch(repository.git_folder, address, progress, allow_private=allow_private)
    repository.raw.remotes.create("origin", address.url)
    _set_head(repository, head.branch)


def _with_suffix(address: Address, error: CommandFailed) -> Address | None:
    """Return the address that a host redirects to when only “.git” was left out; no redirect is followed."""
    is_web = address.scheme in ("https", "http")
    if not is_web or address.url.endswith(".git") or not re.search(r"redirect|\b30[1278]\b", error.output):
        return None
    return parse_address(address.url.rstrip("/") + ".git")


def _fetch_archive(repository: Repository, archive: Path, staging: Path, progress: Progress) -> Contents:
    progress.step("Reading the file")
    unpacked = staging / "unpacked"
    unpacked.mkdir(mode=0o700)
    contents = unpack(archive, unpacked, progress)
    transfer.fetch_bundle(repository.git_folder, unpacked / BUNDLE, progress)
    shutil.rmtree(unpacked)
    if dict(contents.refs) != repository.refs("refs/"):
        raise Damaged(f"{archive.name} lacks a part of the history that it names; it is damaged.")
    _set_head(repository, contents.branch)
    return contents


def _fetch_folder(repository: Repository, source: Folder, progress: Progress) -> None:
    head = transfer.find_head_of_folder(source.path)
    detached = "imported" if head.commit and not head.branch else None
    transfer.fetch_folder(repository.git_folder, source.path, progress, detached=detached)
    _set_head(repository, head.branch or detached)


def _set_head(repository: Repository, branch: str | None) -> None:
    """Make the branch that the source calls its own the current one, or else a usual one."""
    there = [ref.removeprefix(BRANCHES) for ref in repository.refs(BRANCHES)]
    for name in (branch, "main", "master", *there):
        if name is not None and name in there:
            try:
                repository.set_head(name)
            except InvalidInput:
                continue
            return


def _drop_odd_refs(repository: Repository) -> list[str]:
    """Remove refs whose names programs could take for something else."""
    odd = [name for name in repository.refs("refs/") if any(part[:1] in "-." for part in name.split("/"))]
    for name in odd:
        repository.delete_ref(name)
    return [f"{len(odd)} branches or tags with names that begin with “-” were left out"] if odd else []


def _not_held(contents: Contents) -> list[str]:
    if not contents.not_held:
        return []
    size = sum(file.bytes for file in contents.not_held) / 1e6
    names = ", ".join(file.path for file in contents.not_held[:5])
    more = f" and {len(contents.not_held) - 5} more" if len(contents.not_held) > 5 else ""
    return [f"files that git does not hold are not in the file ({size:.0f} MB): {names}{more}"]


def _free_name(name: str, settings: Settings) -> str:
    wanted = suggest_name(name) if not _is_free(name, settings) else name
    candidates: Iterable[str] = (wanted, *(f"{wanted}-{number}" for number in range(2, _MOST_NAMES)))
    return next((each for each in candidates if _is_free(each, settings)), wanted)


def _is_free(name: str, settings: Settings) -> bool:
    try:
        place_for(name, settings)
    except (AlreadyExists, InvalidInput):
        return False
    return True


def _first_sentence(folder: Path) -> str:
    """Return the first paragraph of a README that is no heading, badge or markup."""
    for name in ("README.md", "readme.md", "README.rst", "README.txt", "README"):
        found = present.read(folder, name, max_bytes=200_000)
        if isinstance(found, present.Found):
            text = found.data.decode("utf-8", "replace")
            for paragraph in _SENTENCE.split(text.replace("\r\n", "\n")):
                line = " ".join(paragraph.split())
                if line[:1].isalnum() and not set(paragraph.splitlines()[-1]) <= set("=-~"):
                    return (
                        line if len(line) <= _LONGEST_DESCRIPTION else line[: _LONGEST_DESCRIPTION - 1] + "…"
                    )
    return ""


def _drop_stale(settings: Settings) -> None:
    """Remove what earlier plans fetched and nobody came back for."""
    for staging in (settings.home / "imports").glob("*"):
        if time.time() - staging.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(staging, ignore_errors=True)
