"""Git verbs over one repository. Knows objects, trees, refs and work trees; knows no projects and no records.

Everything goes through libgit2 or git's plumbing: a work tree that a stranger or a kernel can write never
gets to run a hook, a filter or a file-system monitor of its own.
"""

from trailmark.git.model import EXECUTABLE, FILE, FOLDER, LINK, Commit, Entry, Oid, Signature, TreeChange
from trailmark.git.names import check_branch_name
from trailmark.git.refs import RefMove, RefMoved
from trailmark.git.repository import BRANCHES, Repository

__all__ = [
    "BRANCHES",
    "EXECUTABLE",
    "FILE",
    "FOLDER",
    "LINK",
    "Commit",
    "Entry",
    "Oid",
    "RefMove",
    "RefMoved",
    "Repository",
    "Signature",
    "TreeChange",
    "check_branch_name",
]
