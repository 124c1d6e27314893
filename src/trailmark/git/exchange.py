"""Giving a file another name so that nothing is overwritten that somebody put there in the meantime."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from collections.abc import Callable

_EXCHANGE = 2
_UNSUPPORTED = frozenset((errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM))


def exchange(one: str, other: str, folder: int) -> bool:
    """Let two files of a folder swap their names in one step; False where the file system cannot. Raises OSError."""
    if _renameat2 is None:
        return False
    code = _renameat2(folder, os.fsencode(one), folder, os.fsencode(other), _EXCHANGE)
    if code in _UNSUPPORTED:
        return False
    if code:
        raise OSError(code, os.strerror(code), other)
    return True


def move_to_free(source: str, target: str, folder: int) -> None:
    """Give a file of a folder a name that nothing has. Raises FileExistsError."""
    try:
        os.link(source, target, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        os.rename(source, target, src_dir_fd=folder, dst_dir_fd=folder)
        return
    os.unlink(source, dir_fd=folder)


def _find_renameat2() -> Callable[[int, bytes, int, bytes, int], int] | None:
    """Return Linux's call, which gives an error's number or 0."""
    with contextlib.suppress(OSError, AttributeError):
        call = ctypes.CDLL(None, use_errno=True).renameat2
        call.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
        return lambda *arguments: ctypes.get_errno() if call(*arguments) else 0
    return None


_renameat2 = _find_renameat2()
