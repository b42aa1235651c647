"""Digests of keys: they may raise a false alarm, and never miss a repeated key or a conflict."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.imports import digests
from app.imports.datasets import DATASETS
from app.imports.digests import KeyDigests
from app.imports.rows.checks import Chunk

Affiliation = tuple[str, str, str, int, int | None]
"""Member, branch, role, first day, and length (null: without end)."""

DAY = date(2017, 1, 1)

affiliations = st.lists(
    st.tuples(
        st.sampled_from(["m1", "m2", "党员"]),
        st.sampled_from(["A", "B", "AB"]),
        st.sampled_from(["primary", "secondary"]),
        st.integers(0, 8),
        st.none() | st.integers(1, 4),
    ),
    max_size=7,
)


@given(rows=affiliations)
def test_conflict_of_affiliations_is_seen_exactly_when_two_rows_exclude_each_other(rows: list[Affiliation]) -> None:
    assert watched("affiliations", chunks(rows)).may_conflict == any(
        one[0] == other[0] and meet(one, other) and (one[1] == other[1] or {one[2], other[2]} == {"primary"})
        for one, other in combinations(rows, 2)
    )


@given(rows=affiliations)
def test_conflict_of_employments_is_seen_exactly_when_two_of_a_member_overlap(rows: list[Affiliation]) -> None:
    jobs = [chunk.drop_columns("role").rename_columns({"branch_code": "enterprise_code"}) for chunk in chunks(rows)]
    assert watched("employments", jobs).may_conflict == any(
        one[0] == other[0] and meet(one, other) for one, other in combinations(rows, 2)
    )


@given(rows=affiliations)
def test_repeated_key_is_seen_exactly_when_two_rows_have_it(rows: list[Affiliation]) -> None:
    keys = [row[:4] for row in rows]
    assert watched("affiliations", chunks(rows)).may_repeat == (len(set(keys)) < len(keys))


def test_rows_without_end_never_end_when_the_file_has_no_such_column() -> None:
    rows = [("m1", "A", "primary", 0, 1), ("m1", "A", "primary", 3, 1)]
    [chunk] = chunks(rows, size=2)
    assert not watched("affiliations", [chunk]).may_conflict
    assert watched("affiliations", [chunk.drop_columns("end_on")]).may_conflict


def test_invalid_row_is_in_no_conflict_when_its_cells_cannot_be_read() -> None:
    [chunk] = chunks([("m1", "A", "primary", 0, None), ("m1", "A", "primary", 3, None)], size=2)
    assert not watched("affiliations", [chunk], invalid=1).may_conflict


def test_the_same_is_seen_when_the_rows_are_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "IN_MEMORY", 1)
    apart = [(f"m{number}", "A", "primary", 0, None) for number in range(500)]
    several = [*apart, *((ref, "B", "secondary", 0, None) for ref, *_ in apart)]
    for rows, repeats, conflicts in (
        (several, False, False),
        ([*several, apart[77]], True, True),
        ([*several, ("m300", "B", "primary", 5, None)], False, True),
    ):
        assert watched("affiliations", chunks(rows, size=37)) == (repeats, conflicts)


def meet(one: Affiliation, other: Affiliation) -> bool:
    return all(first[4] is None or second[3] < first[3] + first[4] for first, second in ((one, other), (other, one)))


def chunks(rows: Sequence[Affiliation], size: int = 3) -> list[pa.Table]:
    """Return rows as tables of a few rows each."""
    return [
        pa.table(
            {
                "member_ref": pa.array([row[0] for row in part], pa.string()),
                "branch_code": pa.array([row[1] for row in part], pa.string()),
                "role": pa.array([row[2] for row in part], pa.string()),
                "start_on": pa.array([day(row[3]) for row in part], pa.date32()),
                "end_on": pa.array([row[4] and day(row[3] + row[4]) for row in part], pa.date32()),
            }
        )
        for part in (rows[first : first + size] for first in range(0, len(rows), size))
    ]


def day(number: int) -> date:
    return DAY + timedelta(days=number)


class Seen(NamedTuple):
    """What the digests of rows show."""

    may_repeat: bool
    may_conflict: bool


def watched(dataset: str, tables: Sequence[pa.Table], invalid: int = 0) -> Seen:
    """Return what the digests of chunks of these tables show; the first `invalid` rows of each have an error."""
    with KeyDigests(DATASETS[dataset], Path()) as keys:
        for table in tables:
            rows = np.arange(table.num_rows)
            chunk = Chunk(rows + 2, table, frozenset(table.column_names), (rows < invalid).astype(np.int32), 1.0)
            list(keys.watched(iter([chunk])))
        return Seen(keys.may_repeat, keys.may_conflict)
