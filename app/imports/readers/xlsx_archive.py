"""ZIP archives from untrusted sources: inflated bytes are counted, and headers are not trusted."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from app.imports.readers.layout import UnreadableFile
from app.messages import say

MOST_ENTRIES = 1000
"""Most files in an archive; a workbook of one sheet has about ten."""

MOST_INFLATED = 256 << 20
"""Most bytes that an archive may inflate to; 100,000 rows of the widest dataset take about 100 MiB."""

MOST_RATIO = 100
"""Most bytes that an archive may inflate to per byte of its own, once they are more than `FREE_OF_RATIO`."""

FREE_OF_RATIO = 16 << 20

# Records at the end of an archive: the end of the directory, the same in ZIP64, and the latter's position.
_END, _END_COUNTS = b"PK\x05\x06", struct.Struct("<HI")
_WIDE_END_BYTES, _WIDE_END_COUNTS = 56, struct.Struct("<QQ")
_LOCATOR, _LOCATOR_BYTES = b"PK\x06\x07", 20
_LONGEST_END = _WIDE_END_BYTES + _LOCATOR_BYTES + 22 + (1 << 16)
_MOST_DIRECTORY_BYTES = 1 << 20
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_BLOCK = 64 << 10
_ENCRYPTED = 0x1


class Archive:
    """An open ZIP archive whose entries are inflated under a common budget.

    Parameters
    ----------
    path
        The file.
    most_inflated
        Most bytes inflated in all.

    Raises
    ------
    UnreadableFile
        It is damaged, encrypted, has too many entries, or inflates to too much; or an entry has not its stated size.
        than they state, too.
    """

    def __init__(self, path: Path, most_inflated: int = MOST_INFLATED) -> None:
        self._most_inflated = most_inflated
        self._size = path.stat().st_size
        self._inflated: dict[str, int] = {}
        self._file = path.open("rb")
        try:
            self._refuse_large_directory()
            self.entries = _named(zipfile.ZipFile(self._file).infolist())
        except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
            self._file.close()
            raise UnreadableFile(say("The file begins as an XLSX workbook but is no whole ZIP archive.")) from error
        except UnreadableFile:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._file.close()

    def inflate_all(self) -> None:
        """Inflate every entry once, to count its bytes; raises as `inflate` does."""
        for name in self.entries:
            for _ in self.inflate(name):
                pass

    def inflate(self, name: str) -> Iterator[bytes]:
        """Yield the content of an entry in blocks.

        Raises
        ------
        UnreadableFile
            The entry is not found, compressed in an unusual way, damaged, or too large.
        """
        info = self.entries.get(name)
        if info is None:
            raise UnreadableFile(say("The workbook has no part {part}.", part=name[:100]))
        inflated = 0
        for block in self._blocks(info):
            inflated += len(block)
            self._count(name, inflated)
            yield block
        if inflated != info.file_size:
            message = say("The part {part} of the workbook has another size than it states.", part=name[:100])
            raise UnreadableFile(message)

    def _blocks(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        if info.header_offset < 0:
            raise UnreadableFile(say("The directory of the workbook is damaged."))
        if info.flag_bits & _ENCRYPTED or info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise UnreadableFile(say("The workbook is encrypted, or packed in a way that XLSX does not know."))
        packed = self._packed(info)
        return packed if info.compress_type == zipfile.ZIP_STORED else _inflated(packed)

    def _packed(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        """Yield the compressed bytes of an entry, whatever length it states."""
        self._file.seek(info.header_offset)
        header = self._file.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size:
            raise UnreadableFile(say("The workbook is cut short."))
        _, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
        position, left = self._file.tell() + name_bytes + extra_bytes, info.compress_size
        while left > 0:
            self._file.seek(position)
            block = self._file.read(min(_BLOCK, left))
            if not block:
                raise UnreadableFile(say("The workbook is cut short."))
            position, left = position + len(block), left - len(block)
            yield block

    def _count(self, name: str, inflated: int) -> None:
        # An entry inflated a second time counts once.
        self._inflated[name] = max(inflated, self._inflated.get(name, 0))
        if sum(self._inflated.values()) > min(self._most_inflated, max(FREE_OF_RATIO, MOST_RATIO * self._size)):
            message = (
                "The workbook inflates to more than {most} MiB, or to more than {ratio} times its size; send the rows "
                "as CSV."
            )
            raise UnreadableFile(say(message, most=self._most_inflated >> 20, ratio=MOST_RATIO))

    def _refuse_large_directory(self) -> None:
        """Refuse a large directory before it is read without a limit."""
        self._file.seek(max(0, self._size - _LONGEST_END))
        tail = self._file.read()
        end = tail.rfind(_END)
        entries, directory_bytes = _END_COUNTS.unpack_from(tail, end + 10) if end >= 0 else (0, 0)
        locator = end - _LOCATOR_BYTES
        if locator >= _WIDE_END_BYTES and tail[locator:].startswith(_LOCATOR):
            entries, directory_bytes = _WIDE_END_COUNTS.unpack_from(tail, locator - _WIDE_END_BYTES + 32)
        if entries > MOST_ENTRIES or directory_bytes > _MOST_DIRECTORY_BYTES:
            raise UnreadableFile(say("The workbook has more than {most} parts.", most=MOST_ENTRIES))


def _named(entries: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Return the entries by name, without duplicate names, which programs read differently."""
    if len({info.filename.casefold() for info in entries}) < len(entries):
        raise UnreadableFile(say("The workbook has two parts of one name."))
    return {info.filename: info for info in entries}


def _inflated(packed: Iterator[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for block in packed:
            yield inflater.decompress(block, _BLOCK)
            while inflater.unconsumed_tail:
                yield inflater.decompress(inflater.unconsumed_tail, _BLOCK)
        yield inflater.flush()
    except zlib.error as error:
        raise UnreadableFile(say("A part of the workbook is damaged.")) from error
