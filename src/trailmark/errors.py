"""Every error that Trailmark raises on purpose.

    TrailmarkError                 something was refused or failed, for a reason that a person can act on
    ├── InvalidInput               what was given cannot be used as it is (a name, an option, a file)
    ├── NotFound                   no such project, record, branch, session or file
    ├── AlreadyExists              the name is taken
    ├── Busy                       another process holds what is needed, and did not let go in time
    ├── Unavailable                this machine lacks something; the message says what to install
    ├── CommandFailed              an outside program failed; carries its own words
    ├── Cancelled                  somebody asked for the work to stop, and it did
    └── Damaged                    stored data does not match its checksum or cannot be read

A message says what happened, what is still intact and what to do next.
"""

import errno

_REFUSALS = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.EMFILE)
)


class TrailmarkError(Exception):
    """Something was refused or failed, for a reason that a person can act on."""


class InvalidInput(TrailmarkError):
    """What was given cannot be used as it is."""


class NotFound(TrailmarkError):
    """There is no such project, record, branch, session or file."""


class AlreadyExists(TrailmarkError):
    """The name is taken."""


class Busy(TrailmarkError):
    """Another process holds what is needed, and did not let go in time."""


class Unavailable(TrailmarkError):
    """This machine lacks something that the message names."""


class CommandFailed(TrailmarkError):
    """An outside program failed."""

    def __init__(self, message: str, *, output: str = "", code: int | None = None) -> None:
        super().__init__(message)
        self.output = output
        self.code = code


class Cancelled(TrailmarkError):
    """Somebody asked for the work to stop, and it did."""


class Damaged(TrailmarkError):
    """Stored data does not match its checksum or cannot be read."""


def refusal_of(error: OSError) -> Unavailable | None:
    """Return the error for what a disk refused (it is full, damaged or not ours to write); None for any other.

    libgit2's errors have no number, only words.
    """
    if error.errno is not None and error.errno not in _REFUSALS:
        return None
    where = f": {error.filename}" if error.filename else ""
    return Unavailable(
        f"The disk refused ({error.strerror or error}{where}). What was recorded before is intact, and what waits "
        "to be recorded is kept. Make room, or mend what is named here, and try again."
    )
