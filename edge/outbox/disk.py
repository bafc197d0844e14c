"""Room on the disk, taken before it is needed."""

import ctypes
import errno
import os
import sys

_KEEP_SIZE = 1
"""`FALLOC_FL_KEEP_SIZE`: blocks behind the end of the file are its own, and its length stays."""
_UNSUPPORTED = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


def set_aside(fd: int, at: int, size_bytes: int) -> None:
    """Have the disk keep room in a file, behind its end. Where the system can't do that, nothing is kept.

    Raises:
        OSError: there is no room.
    """
    if sys.platform != "linux":
        return
    while _fallocate(fd, _KEEP_SIZE, at, size_bytes) != 0:
        number = ctypes.get_errno()
        if number in _UNSUPPORTED:
            return
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))


if sys.platform == "linux":
    _fallocate = ctypes.CDLL(None, use_errno=True).fallocate64
    _fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
