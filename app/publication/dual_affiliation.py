"""Dual affiliation: the matrix of homes and joint branches, its margins, and the uplift."""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from app.publication.lists import Answer, whole
from app.publication.row_cache import Source
from app.publication.rows import Rate, encode, meta_of, rate_lists
from app.publication.subjects import subject_part
from app.publication.table import CHUNK, Cells, FlatTable, Kind, TableOptions, part_cells, part_columns, plain_column
from app.statistics.as_of import snapshot_for
from app.statistics.dual_affiliation import Uplift, matrix_of, uplift_of
from app.statistics.question import Page, Question, Subject
from app.store.arrays import Int64
from app.store.snapshot import Snapshot


def dual_affiliation_answer(source: Source, question: Question, _page: Page) -> Answer:
    """Return matrix, margins and uplift; of many cells in pieces, so that no answer is in memory as a whole.

    Raises
    ------
    SnapshotNotFound, ExactOnly, InvalidRequest
        See `snapshot_for` and `resolve`.
    """
    snapshot = snapshot_for(source.shelf, question)
    matrix = matrix_of(snapshot, question)
    uplift, length = _uplift(uplift_of(snapshot, question)), len(matrix.members)
    meta = meta_of(snapshot, question.when, question.population.basis.value, length)

    def pieces() -> Iterator[bytes]:
        homes, joints = matrix.home_members, matrix.joint_members
        yield b'{"data":{"matrix":'
        yield from _list(snapshot, {"home": matrix.homes, "joint_branch": matrix.joint_branches}, matrix.members)
        yield b',"homes":'
        yield from _list(snapshot, {"home": homes[0]}, homes[1])
        yield b',"joint_branches":'
        yield from _list(snapshot, {"joint_branch": joints[0]}, joints[1])
        yield b',"members":%d,"uplift":%b},"meta":%b}' % (matrix.total, encode(uplift), encode(meta))

    return Answer(whole(pieces()), length, snapshot.manifest.id, snapshot.manifest.built_at)


def dual_affiliation_table(source: Source, question: Question, _page: Page, options: TableOptions) -> FlatTable:
    """Return the matrix as a table, a row per home and joint branch."""
    snapshot = snapshot_for(source.shelf, question)
    matrix = matrix_of(snapshot, question)
    language = options.language
    home, joint = (subject_part(snapshot, Subject.BRANCHES, prefix) for prefix in ("home_", "joint_branch_"))
    columns = (
        plain_column("row", Kind.TEXT, language),
        *part_columns(home, language),
        *part_columns(joint, language),
        plain_column("members", Kind.COUNT, language),
    )

    def chunks() -> Iterator[Cells]:
        for start in range(0, len(matrix.members), CHUNK):
            piece = slice(start, start + CHUNK)
            homes = _branches(snapshot, matrix.homes[piece].tolist())
            joints = _branches(snapshot, matrix.joint_branches[piece].tolist())
            yield [
                ["subject", *part_cells(home, of, language), *part_cells(joint, to, language), members]
                for of, to, members in zip(homes, joints, matrix.members[piece].tolist(), strict=True)
            ]

    meta = meta_of(snapshot, question.when, question.population.basis.value, len(matrix.members))
    keys = ("home_code", "joint_branch_code")
    return FlatTable("dual-affiliation", columns, keys, meta, len(matrix.members), chunks, language)


def _list(snapshot: Snapshot, branches: dict[str, Int64], members: Int64) -> Iterator[bytes]:
    """Yield a JSON list of objects, by chunk: branches, given by row, and their members."""
    separator = b"["
    for start in range(0, len(members), CHUNK):
        piece = slice(start, start + CHUNK)
        columns = [*(_branches(snapshot, rows[piece].tolist()) for rows in branches.values()), members[piece].tolist()]
        objects = [dict(zip((*branches, "members"), row, strict=True)) for row in zip(*columns, strict=True)]
        yield separator + encode(objects)[1:-1]
        separator = b","
    yield b"[]" if separator == b"[" else b"]"


def _branches(snapshot: Snapshot, rows: list[int]) -> list[msgspec.Struct | None]:
    """Return the fields of branches given by row; null for -1."""
    wanted = sorted({row for row in rows if row >= 0})
    described = subject_part(snapshot, Subject.BRANCHES).describe(np.array(wanted, np.int64))
    found = dict(zip(wanted, described, strict=True))
    return [found.get(row) for row in rows]


def _uplift(uplift: Uplift) -> dict[str, Any]:
    organisation, with_dual, work, reach = rate_lists(uplift.rates)[0]
    without: Rate = rate_lists(uplift.work_coverage_without)[0][0]
    return {
        "organisation_coverage": {"without_dual": organisation, "with_dual": with_dual},
        "work_coverage": {"without_dual": without, "with_dual": work},
        "dual_reach": reach,
        "members_unreached": uplift.unreached,
    }
