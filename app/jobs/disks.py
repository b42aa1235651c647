"""A full disk under the data folder, told as a problem that a caller can understand."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import TemporarilyUnavailable

_FULL = {errno.ENOSPC, errno.EDQUOT}


class DiskFull(TemporarilyUnavailable):
    """There is no room left in the data folder; what was half written is removed."""

    code = "disk-full"
    title = "Disk full"
    retry_after = 60


@contextmanager
def full_disk_named() -> Iterator[None]:
    """Turn what the system raises when no room is left into `DiskFull`; other errors pass unchanged."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        message = "No room is left in the data folder; nothing was taken, and what had arrived is removed."
        raise DiskFull(message) from error
