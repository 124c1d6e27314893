"""Activity: what happened in a project, recorded so that it can be read, searched, trusted and repeated.

A *record* is one thing that happened; it is a git tree of its own and belongs to exactly one commit. The
*trail* is the records in order. An *action* is what a caller asks to be recorded; a *change* is what becomes
of the files with it. `record` is the one way in.
"""

from trailmark.activity.action import NO_CHANGE, Action, Change, NewFile, Output
from trailmark.activity.lock import ProjectLock
from trailmark.activity.model import (
    KINDS,
    STATUSES,
    FileRef,
    Kind,
    OutputRef,
    Record,
    RecordId,
    Status,
    Truncation,
)
from trailmark.activity.record import Recorded, file_ref, record, require_quiet, settle, tree_after
from trailmark.activity.store import StoredRecord, load, read_output
from trailmark.activity.trail import RECORDS, Trail

__all__ = [
    "KINDS",
    "NO_CHANGE",
    "RECORDS",
    "STATUSES",
    "Action",
    "Change",
    "FileRef",
    "Kind",
    "NewFile",
    "Output",
    "OutputRef",
    "ProjectLock",
    "Record",
    "RecordId",
    "Recorded",
    "Status",
    "StoredRecord",
    "Trail",
    "Truncation",
    "file_ref",
    "load",
    "read_output",
    "record",
    "require_quiet",
    "settle",
    "tree_after",
]
