"""Records as git objects: a tree for each, found by its id, and a chain of entries that names them in order.

The tree of the records' ref holds every record at ``id[:4]/id[4:6]/id[6:8]/id``. The id begins with its time,
so an append touches four small trees however many records there are: of 12 days, of 17 minutes and of a second.
Each commit on that ref is one entry: its message names the record, the record's tree, and the commit and branch
that belong to it. Its first parent is the entry before, its last that commit, so git keeps what is recorded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from trailmark.activity.action import Action, Output
from trailmark.activity.model import OutputRef, Record, RecordId
from trailmark.activity.trail import RECORDS
from trailmark.errors import Damaged, NotFound
from trailmark.git import FOLDER, Commit, Entry, Oid, Repository

SEARCHED_BYTES = 256 * 1024
_LONGEST_LINE = 500
_ID = re.compile(r"[0-9A-Z]{26}")
_EXTENSIONS = {
    "text/plain": "txt",
    "text/html": "html",
    "text/markdown": "md",
    "text/latex": "tex",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/svg+xml": "svg",
    "application/json": "json",
    "application/pdf": "pdf",
    "application/javascript": "js",
}


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of a device's chain of records."""

    oid: Oid
    record: RecordId
    tree: Oid
    commit: Oid
    ref: str
    before: Oid | None


@dataclass(frozen=True)
class StoredRecord:
    """A record as it lies in git: its facts (`json` is what is stored), and the texts that go with it."""

    record: Record
    tree: Oid
    code: str | None
    text: str | None
    error: str | None
    json: bytes = b""


def path_of(record: str) -> str:
    """Return where a record lies in the tree of a records' ref."""
    return f"{record[:4]}/{record[4:6]}/{record[6:8]}/{record}"


def write_record(repository: Repository, record: Record, action: Action) -> Oid:
    """Store a record with its code, texts and outputs; return its tree."""
    files: dict[str, bytes] = {}
    refs = []
    for number, output in enumerate(action.outputs):
        ref = _output_ref(number, output)
        files[ref.file] = output.data
        refs.append(ref)
    files["record.json"] = record.with_outputs(tuple(refs)).to_json()
    for name, text in (("code", action.code), ("text", _text(action)), ("error", action.error)):
        if text:
            files[name] = text.encode("utf-8", "backslashreplace")
    return repository.write_tree(
        None, {name: Entry(repository.write_blob(data)) for name, data in files.items()}
    )


def message_of(record: Record, tree: Oid) -> str:
    """Return the message of the commit that a record belongs to."""
    title = _one_line(record.title) or record.kind
    trailers = [f"Trailmark-Record: {record.id}", f"Trailmark-Tree: {tree}", f"Trailmark-Kind: {record.kind}"]
    if record.status != "ok":
        trailers.append(f"Trailmark-Status: {record.status}")
    actor = _one_line(record.actor)
    if actor and actor != "person":
        trailers.append(f"Trailmark-Actor: {actor}")
    return title + "\n\n" + "\n".join(trailers) + "\n"


def entry_message(message: str, commit: Oid, ref: str) -> str:
    """Return the message of the entry that ties a record to its commit on a branch, from the commit's own."""
    return f"{message}Trailmark-Commit: {commit}\nTrailmark-Branch: {ref}\n"


def _one_line(text: str) -> str:
    """Return a text as git takes it in a line of a message: printable, and not endless."""
    words = "".join(character if character.isprintable() else " " for character in text).split()
    return " ".join(words)[:_LONGEST_LINE]


def trailers_of(message: str) -> dict[str, str]:
    """Return the Trailmark trailers at the end of a commit message, without their prefix, in lower case."""
    found: dict[str, str] = {}
    for line in reversed(message.rstrip().split("\n")):
        name, colon, value = line.partition(": ")
        if not colon or not name.startswith("Trailmark-"):
            break
        found[name.removeprefix("Trailmark-").lower()] = value.strip()
    return found


def parse_entry(commit: Commit) -> LogEntry | None:
    """Return the entry that a commit on a records' ref stands for, None for a foreign commit."""
    facts = trailers_of(commit.message)
    if not {"record", "tree", "commit", "branch"} <= facts.keys():
        return None
    before = commit.parents[0] if commit.parents and commit.parents[0] != facts["commit"] else None
    return LogEntry(
        commit.oid,
        RecordId(facts["record"]),
        Oid(facts["tree"]),
        Oid(facts["commit"]),
        facts["branch"],
        before,
    )


def iter_chain(repository: Repository, tip: Oid) -> Iterator[tuple[Commit, LogEntry | None]]:
    """Yield the commits of a chain of records, newest first, each with its entry; None for a foreign one.

    Raises NotFound or Damaged where the chain cannot be followed.
    """
    following: Oid | None = tip
    while following is not None:
        commit = repository.commit(following)
        entry = parse_entry(commit)
        yield commit, entry
        following = entry.before if entry else next(iter(commit.parents), None)


def is_record_id(text: str) -> bool:
    """Return whether a text is the whole id of a record."""
    return _ID.fullmatch(text) is not None


def find_tree(repository: Repository, record: str) -> Oid | None:
    """Return the tree of a record of any device, None when there is no such record."""
    if not is_record_id(record):
        return None
    for tip in repository.refs(RECORDS).values():
        entry = repository.find_entry(repository.tree_of(tip), path_of(record))
        if entry is not None and entry.mode == FOLDER:
            return entry.oid
    return None


def load(repository: Repository, record: str) -> StoredRecord:
    """Return a record by its whole id. Raises NotFound, or Damaged when it cannot be read."""
    tree = find_tree(repository, record)
    if tree is None:
        raise NotFound(f"There is no record {record} in this project. `trailmark log` lists them.")
    return load_tree(repository, tree)


def load_tree(repository: Repository, tree: Oid) -> StoredRecord:
    """Return the record that a tree holds. Raises Damaged when it cannot be read."""
    try:
        parts = repository.children(tree)
        json = repository.blob(parts["record.json"].oid)
        record = Record.from_json(json)
    except (KeyError, NotFound) as error:
        raise Damaged(
            f"The record in {tree} is incomplete; `trailmark verify` lists what is damaged."
        ) from error
    texts = {
        name: repository.blob(parts[name].oid).decode("utf-8", "replace") if name in parts else None
        for name in ("code", "text", "error")
    }
    return StoredRecord(record, tree, texts["code"], texts["text"], texts["error"], json)


def read_output(repository: Repository, tree: Oid, output: OutputRef) -> bytes:
    """Return an output's bytes as they were stored. Raises Damaged when they are not what the record says."""
    entry = repository.find_entry(tree, output.file)
    if entry is None:
        raise Damaged(f"The output {output.file} of this record is missing; `trailmark verify` says more.")
    data = repository.blob(entry.oid)
    if hashlib.sha256(data).hexdigest() != output.digest:
        raise Damaged(f"The output {output.file} of this record was altered; `trailmark verify` says more.")
    return data


def _output_ref(number: int, output: Output) -> OutputRef:
    extension = _EXTENSIONS.get(output.mime, "bin")
    return OutputRef(
        mime=output.mime,
        bytes=len(output.data),
        digest=hashlib.sha256(output.data).hexdigest(),
        file=f"outputs/{number:03d}.{extension}",
        name=output.name,
        group=output.group,
        truncated=output.truncated,
        frames=output.frames,
    )


def _text(action: Action) -> str:
    """Return what search finds besides the code, cut to a sensible length."""
    if action.text is not None:
        return action.text
    texts = (output.data for output in action.outputs if output.mime == "text/plain")
    return b"\n".join(texts)[:SEARCHED_BYTES].decode("utf-8", "replace")
