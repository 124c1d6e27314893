"""A folder that only this user can enter, in a place that everybody may write to.

Standard library only, Python 3.8 or later.
"""

import os
import stat
from pathlib import Path
from typing import Optional


def private_folder(within: Path) -> Optional[Path]:
    """Return a folder of this user's own, made when needed; None where there can be none or it is not private."""
    folder = within / "trailmark-{}".format(os.getuid())
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077
    return folder if is_own else None
