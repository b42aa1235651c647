"""Which encoding a text file is in, and the first byte that no encoding explains."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from app.imports.readers.layout import UnreadableFile

FIRST_BYTES = 1 << 20
"""Bytes that are looked at before a file is accepted."""

Encoding = Literal["utf-8", "gb18030"]

_BLOCK = 1 << 20
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_PROOF_OF_UTF8 = 4
"""Different Chinese characters that show a text to be UTF-8: bytes of GB18030 read as UTF-8 give almost none."""


def detect_encoding(path: Path, limit: int | None = None) -> Encoding:
    """Return the encoding of a text file: UTF-8 where every byte fits, else GB18030.

    Parameters
    ----------
    path
        The file.
    limit
        Bytes to look at, null for all; a character cut by the limit is no mistake.

    Raises
    ------
    UnreadableFile
        A byte is NUL, or fits neither encoding; the message names its offset, from 0. A file that is UTF-8 up to there
        beyond doubt is not tried as GB18030: it would be read as other characters than were written.
    """
    with path.open("rb") as file:
        offset, is_utf8 = _first_misfit(file, "utf-8", limit)
        if offset is None:
            return "utf-8"
        if is_utf8:
            raise UnreadableFile(f"The byte at offset {offset} is not UTF-8, as the bytes before it are.")
        file.seek(0)
        offset, _ = _first_misfit(file, "gb18030", limit)
    if offset is None:
        return "gb18030"
    raise UnreadableFile(f"The byte at offset {offset} is neither UTF-8 nor GB18030; save the file as CSV UTF-8.")


def _first_misfit(file: BinaryIO, encoding: Encoding, limit: int | None) -> tuple[int | None, bool]:
    """Return the offset of the first byte that does not fit (null: none); whether the text before it proves UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)()
    chinese: set[str] = set()
    offset, position = None, 0
    for block, is_last in _blocks(file, limit):
        _refuse_nul(block, position)
        pending = len(decoder.getstate()[0])
        if block.isascii() and not pending:
            position += len(block)
            continue
        try:
            text = decoder.decode(block, final=is_last)
        except UnicodeDecodeError as error:
            offset = position - pending + error.start
            text = error.object[: error.start].decode(encoding)
        if len(chinese) < _PROOF_OF_UTF8:
            chinese.update(_CHINESE.findall(text))
        if offset is not None:
            break
        position += len(block)
    return offset, encoding == "utf-8" and len(chinese) >= _PROOF_OF_UTF8


def _blocks(file: BinaryIO, limit: int | None) -> Iterator[tuple[bytes, bool]]:
    """Yield blocks of a file up to a limit, with whether it is the last one."""
    left = limit
    block = file.read(_BLOCK)
    while block and (left is None or left > 0):
        following = file.read(_BLOCK)
        yield block[:left], not following and (left is None or len(block) <= left)
        left = None if left is None else left - len(block)
        block = following


def _refuse_nul(block: bytes, position: int) -> None:
    place = block.find(0)
    if place >= 0:
        raise UnreadableFile(
            f"The byte at offset {position + place} is NUL, which no CSV file has. Of what a spreadsheet saves, CSV in "
            "UTF-8 or GB18030 and .xlsx are read; “Unicode text” (UTF-16) is not."
        )
