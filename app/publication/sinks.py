"""Where a library writes a file that is sent while it is written."""

import io
from typing import Any


class Sink(io.RawIOBase):
    """Takes what is written, until it is sent; cannot seek."""

    def __init__(self) -> None:
        super().__init__()
        self._content = bytearray()

    def writable(self) -> bool:
        """Return true."""
        return True

    def write(self, content: Any) -> int:
        """Take some bytes."""
        self._content += content
        return len(content)

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        content, self._content = bytes(self._content), bytearray()
        return content
