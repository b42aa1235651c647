"""Dual affiliation: the matrix of homes and joint branches, its margins, and the uplift."""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from app.publication.lists import Answer
from app.publication.row_cache import Source
from app.publication.rows import Rate, encode, meta_of, rate_lists
from app.publication.subjects import subject_part
from app.publication.table import CHUNK, Cells, FlatTable, Kind, TableOptions, part_cells, part_columns, plain_column
from app.statistics.as_of import snapshot_for
from app.statistics.dual_affiliation import Matrix, Uplift, matrix_of, uplift_of
from app.statistics.question import Page, Question, Subject
from app.store.snapshot import Snapshot


def dual_affiliation_answer(source: Source, question: Question, _page: Page) -> Answer:
    """Return matrix, margins and uplift.

    Raises
    ------
    SnapshotNotFound, ExactOnly, InvalidRequest
        See `snapshot_for` and `resolve`.
    """
    snapshot = snapshot_for(source.shelf, question)
    matrix = matrix_of(snapshot, question)
    data = {**_matrix(snapshot, matrix), "uplift": _uplift(uplift_of(snapshot, question))}
    length = len(matrix.members)
    meta = meta_of(snapshot, question.when, question.population.basis.value, length)
    return Answer(encode({"data": data, "meta": meta}), length, snapshot.manifest.id, snapshot.manifest.built_at)


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


def _matrix(snapshot: Snapshot, matrix: Matrix) -> dict[str, Any]:
    homes = _branches(snapshot, matrix.homes.tolist())
    joints = _branches(snapshot, matrix.joint_branches.tolist())
    members = matrix.members.tolist()
    of_homes = _branches(snapshot, [home for home, _ in matrix.home_members])
    of_joints = _branches(snapshot, [joint for joint, _ in matrix.joint_members])
    return {
        "matrix": [
            {"home": home, "joint_branch": joint, "members": count}
            for home, joint, count in zip(homes, joints, members, strict=True)
        ],
        "homes": [
            {"home": home, "members": count} for home, (_, count) in zip(of_homes, matrix.home_members, strict=True)
        ],
        "joint_branches": [
            {"joint_branch": joint, "members": count}
            for joint, (_, count) in zip(of_joints, matrix.joint_members, strict=True)
        ],
        "members": matrix.total,
    }


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
