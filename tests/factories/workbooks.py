"""Workbooks for imports: ordinary ones, and such as no program would write."""

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import xlsxwriter

_MIB = 1 << 20


def xlsx_bytes(*rows: Sequence[Any], row: int = 0, column: int = 0) -> bytes:
    """Write rows of text, numbers, booleans, dates and blanks from a cell on, with a second sheet behind them."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet, day = book.add_worksheet("Rows"), book.add_format({"num_format": "yyyy-mm-dd"})
        when = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        for down, cells in enumerate(rows):
            for right, cell in enumerate(cells):
                place = (row + down, column + right)
                if isinstance(cell, datetime):
                    sheet.write_datetime(*place, cell, when)
                elif isinstance(cell, date):
                    sheet.write_datetime(*place, cell, day)
                elif isinstance(cell, str):
                    sheet.write_string(*place, cell)
                elif cell is not None:
                    sheet.write(*place, cell)
        book.add_worksheet("Notes").write_string(0, 0, "not read")
    return content.getvalue()


def rewritten(workbook: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """Change one part of a workbook."""
    content = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook)) as old,
        zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            data = old.read(info)
            new.writestr(info.filename, change(data) if info.filename == part else data)
    return content.getvalue()


def with_cells(workbook: bytes, cells: str) -> bytes:
    """Add rows of raw XML behind those of the first sheet."""
    return rewritten(workbook, SHEET, lambda xml: xml.replace(b"</sheetData>", cells.encode() + b"</sheetData>"))


SHEET = "xl/worksheets/sheet1.xml"


def workbook_with_large_part(megabytes: int) -> bytes:
    """Return a workbook with a part of spaces, which nothing but a bomb has so many of."""
    content = io.BytesIO(xlsx_bytes(("code", "name"), ("1", "n")))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/media/i.png", "w") as part:
        for _ in range(megabytes):
            part.write(b" " * _MIB)
    return content.getvalue()
