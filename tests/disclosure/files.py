"""The numbers that files of statistics hold: whoever has the JSON of the same question must have them all."""

import io
import re
from collections.abc import Callable

import msgspec
import pyarrow.parquet
from python_calamine import CalamineWorkbook

_NUMBER = re.compile(r'[:,\[]"?(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"?(?=[,\]}])')
_ABOUT_THE_FILE = re.compile(r'"(?:version|size|decimals|rows)":(?:\[[\d,]*\]|"[\d.]*"|\d+)')
"""What JSON says of a table rather than in it."""


def of_csv(content: bytes) -> str:
    """Cells, with or without a byte order mark, as one line."""
    return "," + content.decode("utf-8-sig").replace("\r\n", ",")


def of_json(content: bytes) -> str:
    """All values."""
    return _ABOUT_THE_FILE.sub("", content.decode())


def of_xlsx(content: bytes) -> str:
    """Cells of the table and of the notes beside it, but for the number of rows, which can be counted."""
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    table, *notes = (workbook.get_sheet_by_name(name).to_python() for name in workbook.sheet_names)
    counted = {str(number) for number in range(len(table))}
    noted = [cell for sheet in notes for row in sheet for cell in row if cell not in counted]
    return msgspec.json.encode([table, noted]).decode()


def of_parquet(content: bytes) -> str:
    """Cells."""
    rows = pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()
    return msgspec.json.encode([list(row.values()) for row in rows]).decode()


FORMATS: dict[str, Callable[[bytes], str]] = {
    "csv": of_csv, "records": of_json, "xlsx": of_xlsx, "parquet": of_parquet, "jsonstat": of_json,
    "geojson": of_json,
}  # fmt: skip
"""What is in a file of a format as text, values between commas and brackets, by what paths call the format."""


def numbers(text: str) -> set[float]:
    """The values that are numbers, codes too, to twelve digits: a workbook keeps no more than fifteen."""
    return {float(f"{float(number):.12g}") for number in set(_NUMBER.findall(text))}
