"""Files made to take what they can: every reader stays within its memory, and says that it was asked too much."""

import io
import json
import resource
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.imports.datasets import find_dataset
from app.imports.issues import IssueLog
from app.imports.readers import file as files
from app.imports.readers.file import inspect, read_chunks
from app.imports.readers.layout import UnreadableFile
from app.imports.readers.limits import limited
from app.imports.refusals import FileRefused, FileTooDemanding
from tests.factories.import_files import TODAY, read_bytes
from tests.factories.workbooks import workbook_with_large_part
from tests.lengths import at_length

MIB = 1 << 20

TOO_DEMANDING = str(FileTooDemanding())

ROW = pa.table({"code": ["1"], "name": ["n"]})


def parquet_bytes(table: pa.Table, **options: Any) -> bytes:
    content = io.BytesIO()
    pq.write_table(table, content, compression="zstd", store_schema=False, write_statistics=False, **options)
    return content.getvalue()


def long_texts_by_reference() -> bytes:
    """Return a file of one text of 500,000 bytes that 60,000 rows refer to: 600 bytes that mean 30 GB."""
    rows = 60_000
    codes = pa.DictionaryArray.from_arrays(pa.nulls(rows, pa.int32()).fill_null(0), ["x" * 500_000])
    content = parquet_bytes(pa.table({"code": codes, "name": ["n"] * rows}))
    assert len(content) < 1000
    return content


def footer_of_columns(columns: int) -> bytes:
    """Return a footer of one row group with so many columns of three bytes each, which the parser makes much of."""
    schema = b"\x19\x2c" + b"\x48\x01s\x15\x02\x00" + b"\x15\x0c\x25\x02\x18\x04code\x00"
    number = bytes([columns & 127 | 128, columns >> 7 & 127 | 128, columns >> 14])
    group = b"\x19\xfc" + number + b"\x26\x00\x00" * columns + b"\x16\x00\x16\x00\x00"
    footer = b"\x15\x02" + schema + b"\x16\x00" + b"\x19\x1c" + group + b"\x00"
    return b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1"


def csv_pieces(start: bytes, piece: bytes, number: int) -> bytes:
    return start + piece * number


DEMANDING: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "xlsx": (
        lambda: workbook_with_large_part(at_length(400, 40)),
        32,
        "The workbook inflates to more than 256 MiB, or to more than 100 times its size; send the rows as CSV.",
    ),
    "a line": (
        lambda: csv_pieces(b"code,name\n1,", b"x" * MIB, 20),
        64,
        "Row 2 or one soon after it is longer than 2097152 bytes: is a quotation mark never closed?",
    ),
    "letters that grow": (
        lambda: csv_pieces(b"code,name\n", "1,{}\n".format("\ufdfa" * 300_000).encode(), 4),
        300,
        "",
    ),
    "blank lines": (lambda: csv_pieces(b"code\n", b"\n" * MIB, 20), 300, "The header of the file does not fit"),
    "a footer": (lambda: footer_of_columns(300_000), 300, "The file begins as Parquet but is damaged."),
    "parquet": (long_texts_by_reference, 512, TOO_DEMANDING),
}
"""By what is too much: how to make the file, the most memory in MiB that reading it takes, and what is told."""

READING = """
import json, resource, sys
from pathlib import Path
from app.jobs.processes import take_memory_from_system
take_memory_from_system()
from app.errors import ServiceError
from tests.factories.import_files import read_file
for path in sys.argv[1:]:
    told = ""
    try:
        read_file(Path(path), "enterprises")
    except ServiceError as error:
        told = str(error.detail)
    print(json.dumps([told, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10]))
"""


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, int]]:
    """Read all files in one process; return what was told of each, and by how many MiB memory had grown until then."""
    folder = tmp_path_factory.mktemp("demanding")
    plain = {"plain.csv": b"code,name\n1,n\n", "plain.parquet": parquet_bytes(ROW)}
    for name, content in {**plain, **{name: make() for name, (make, _, _) in DEMANDING.items()}}.items():
        (folder / name).write_bytes(content)
    command = [sys.executable, "-c", READING, *(str(folder / name) for name in (*plain, *DEMANDING))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    _, base = lines[len(plain) - 1]
    return {name: (told, peak - base) for name, (told, peak) in zip(DEMANDING, lines[len(plain) :], strict=True)}


@pytest.mark.parametrize("name", DEMANDING)
def test_a_file_is_refused_or_read_within_its_memory(name: str, reading: dict[str, tuple[str, int]]) -> None:
    _, most, expected = DEMANDING[name]
    told, grown = reading[name]
    assert told.startswith(expected)
    assert grown < most


def too_demanding(content: bytes, tmp_path: Path) -> str:
    with pytest.raises(FileTooDemanding) as caught:
        read_bytes(content, "enterprises", tmp_path)
    assert (caught.value.code, caught.value.status) == ("file-too-demanding", 422)
    return str(caught.value.detail)


def test_the_footer_of_a_parquet_file_is_judged_before_its_rows(tmp_path: Path) -> None:
    many = pa.table({"code": pa.nulls(2_000_000, pa.int8()), "name": pa.nulls(2_000_000, pa.int8())})
    assert "states 2000000 rows in" in too_demanding(parquet_bytes(many), tmp_path)
    wide = ROW.append_column("kind", pa.nulls(1, pa.binary(1 << 20)))
    assert "Every cell of column kind has 1048576 bytes" in too_demanding(parquet_bytes(wide), tmp_path)
    large = footer_of_columns(350_000)
    assert "footer of the Parquet file has more than 1048576 bytes" in too_demanding(large, tmp_path)
    columns = pa.table({"code": ["1"], "name": ["n"], "kind": [{f"c{place}": 1 for place in range(500)}]})
    with pytest.raises(UnreadableFile, match="more than 500 columns"):
        read_bytes(parquet_bytes(columns), "enterprises", tmp_path)


def test_long_rows_of_a_parquet_file_are_read_in_small_batches(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(parquet_bytes(pa.table({"code": [f"{row:01000}" for row in range(40_000)]}), use_dictionary=False))
    dataset = find_dataset("enterprises")
    header = inspect(path, dataset, keys_only=True)
    chunks = list(read_chunks(path, dataset, header, IssueLog(), today=TODAY))
    assert [len(chunk.rows) for chunk in chunks] == [33_420, 6_580]


def test_columns_without_text_are_not_read_and_columns_of_one_name_keep_their_places(tmp_path: Path) -> None:
    names = ["note", "tags", "code", "note", "name", "tags"]
    cells = [["a"], [[1]], ["1"], ["b"], ["n"], ["c"]]
    table = pa.Table.from_arrays([pa.array(values) for values in cells], names=names)
    read = read_bytes(parquet_bytes(table), "enterprises", tmp_path, ignore_unknown=True)
    assert read.records == [{"code": "1", "name": "n"}]


def test_what_takes_too_much_beside_the_reader_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(*_: object, **__: object) -> Iterator[object]:
        raise MemoryError

    monkeypatch.setattr(files, "table_rows", greedy)
    path, log, dataset = tmp_path / "file", IssueLog(), find_dataset("enterprises")
    path.write_bytes(b"code,name\n1,n\n")
    with pytest.raises(FileRefused) as caught:
        list(read_chunks(path, dataset, inspect(path, dataset), log, today=TODAY))
    assert caught.value.code == "file-too-demanding"
    assert [issue.told.said("zh")[:6] for issue in log.listed] == ["读取该文件所"]


def test_limits_hold_inside_the_block_alone() -> None:
    kinds = (resource.RLIMIT_DATA, resource.RLIMIT_CPU)
    before = [resource.getrlimit(kind) for kind in kinds]
    with limited(1 << 30, 60):
        assert all(resource.getrlimit(kind)[0] > 0 for kind in kinds)
    with pytest.raises(FileTooDemanding), limited(1 << 30, 60):
        bytearray(2 << 30)
    assert [resource.getrlimit(kind) for kind in kinds] == before
