"""Files of statistics read back by programs that others wrote: pandas, calamine, Arrow, pyjstat."""

import io
import itertools
import json
import warnings
from collections.abc import Callable
from datetime import date
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import python_calamine
from jsonstat_validator import validate_jsonstat
from pyjstat import pyjstat

Flat = dict[str, Any]
"""One row by column; None = null, dates as ISO text."""


def read_csv(content: bytes) -> list[Flat]:
    """Cells as text; a text is empty where a cell is null."""
    frame = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    return [{str(name): cell or None for name, cell in row.items()} for row in frame.to_dict("records")]


def read_records(content: bytes) -> list[Flat]:
    rows: list[Flat] = json.loads(content)
    return rows


def read_xlsx(content: bytes) -> list[Flat]:
    heading, *rows = sheets(content)[0][1]
    return [dict(zip(heading, map(plain, row), strict=True)) for row in rows]


def sheets(content: bytes) -> list[tuple[str, list[list[Any]]]]:
    """Name and rows of each sheet."""
    book = python_calamine.load_workbook(io.BytesIO(content))
    return [(name, book.get_sheet_by_name(name).to_python()) for name in book.sheet_names]


def read_parquet(content: bytes) -> list[Flat]:
    rows = pq.read_table(io.BytesIO(content)).to_pylist()
    return [{name: plain(cell) for name, cell in row.items()} for row in rows]


def plain(cell: Any) -> Any:
    if isinstance(cell, date):
        return cell.isoformat()
    return None if cell == "" else cell


READERS: dict[str, Callable[[bytes], list[Flat]]] = {
    "records": read_records,
    "xlsx": read_xlsx,
    "parquet": read_parquet,
}
"""Formats that hold typed flat rows."""


class Cube:
    """A JSON-stat dataset: valid, read by pyjstat, its statuses and attributes by hand."""

    def __init__(self, content: bytes) -> None:
        self.dataset: dict[str, Any] = json.loads(content)
        assert validate_jsonstat(self.dataset)
        self.keys: list[str] = self.dataset["id"][:-1]
        self.categories = {name: _index(self.dataset, name) for name in self.dataset["id"]}
        self.metrics = self.categories["metric"]
        self.cells = self._cells() if 0 not in self.dataset["size"] else {}  # of no rows pyjstat makes no frame
        assert list(self.cells) == list(itertools.product(*self.categories.values()))

    def _cells(self) -> dict[tuple[str, ...], Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # pyjstat warns of what it calls itself
            frame = pyjstat.Dataset.read(json.dumps(self.dataset)).write("dataframe", naming="id")
        places = frame[self.dataset["id"]].itertuples(index=False, name=None)
        values = frame["value"].astype(object)
        return dict(zip(places, [None if pd.isna(one) else one for one in values], strict=True))

    def place(self, row: Flat) -> tuple[str, ...]:
        """The categories of a flat row; what a row of the margins, or one that lacks a key, has for a code."""
        without = "/none" if row["row"] == "subject" else f"/{row['row']}"
        return tuple(without if row.get(key) is None else str(row[key]) for key in self.keys)

    def status(self, place: tuple[str, ...], metric: str) -> str | None:
        """What is said of a cell beside its value."""
        flat = 0
        for name, code in zip(self.dataset["id"], (*place, metric), strict=True):
            flat = flat * len(self.categories[name]) + self.categories[name].index(code)
        said: str | None = self.dataset["status"].get(str(flat))
        return said

    def attributes(self, place: tuple[str, ...]) -> Flat:
        """What is said of the subject of a row, beside its labels."""
        return {
            name: known[code]
            for key, code in zip(self.keys, place, strict=True)
            for name, known in self.dataset["dimension"][key]["extension"].items()
            if code in known
        }


def _index(dataset: dict[str, Any], name: str) -> list[str]:
    index: list[str] = dataset["dimension"][name]["category"]["index"]
    return index
