"""A seeded generator of registries of any size, as Parquet files, for benchmarks and for trying the service out.

All of it is invented except the trees, the proportions of sections and their mean sizes. Enterprises are named by
number, members by number in another order.
"""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa

from app.demo.files import DatasetFile, read_classification, read_data
from app.demo.generated.branches import assign_branches, branch_chunks, coverage_chunks, lay_out_branches
from app.demo.generated.enterprises import CHUNK, draw_enterprises, enterprise_chunks
from app.demo.generated.files import DatasetWriter, Writer, write_whole
from app.demo.generated.meetings import branch_return_chunks
from app.demo.generated.members import (
    GENERATED_DATE,
    Population,
    affiliation_columns,
    draw_chunk,
    employment_columns,
    gather_population,
)
from app.demo.generated.reference import draw_places, draw_trades
from app.demo.generated.returns import return_chunks

__all__ = ["GENERATED_DATE", "write_generated"]

ENTERPRISES_PER_MEMBER, BRANCHES_PER_MEMBER = 0.15, 0.05
"""Number of enterprises and of branches per member."""

EMPLOYED_SHARE = 0.92
"""Share of members with an employer, or with one that has closed."""

BRANCHES_PER_COUNTY = 8
"""Least number of branches per county, so that small registries use few counties."""

RowProgress = Callable[[int, int], None]
"""Called with the number of rows of enterprises and members written, and their total."""


def write_generated(
    folder: Path, members: int, *, seed: int = 0, report: RowProgress | None = None
) -> list[DatasetFile]:
    """Write a registry of `members` members as Parquet files, the same for the same size and seed.

    It holds the enterprises, the branches and one chunk of members in memory, for any number of members.

    Parameters
    ----------
    folder
        An existing folder; files of the same name are replaced.
    members
        Number of members, at least 1.
    seed
        Seed of all draws, at least 0.
    report
        Called after each chunk with the rows written and their total.

    Returns
    -------
    list of DatasetFile
        In import order, from districts to affiliations. `GENERATED_DATE` is the date for a snapshot.
    """
    files: list[DatasetFile] = []

    def opened(dataset: str) -> DatasetWriter:
        writer = DatasetWriter(folder, dataset)
        files.append(writer.file)
        return writer

    generate(opened, members, seed=seed, report=report)
    return files


def generate(
    opened: Callable[[str], Writer], members: int, *, seed: int = 0, report: RowProgress | None = None
) -> None:
    """Generate a registry into the writers that are opened for its datasets, in import order."""
    streams = [np.random.default_rng([seed, stage]) for stage in range(7)]
    enterprise_count = max(round(members * ENTERPRISES_PER_MEMBER), 1)
    branch_count = max(round(members * BRANCHES_PER_MEMBER), 1)
    places = draw_places(max(branch_count // BRANCHES_PER_COUNTY, 1), streams[0])
    trades = draw_trades(streams[0])
    employed = round(members * EMPLOYED_SHARE)
    enterprises = draw_enterprises(enterprise_count, employed, places, trades, streams[1])
    branches = lay_out_branches(branch_count, enterprises, places)
    assigned = assign_branches(enterprises, branches, streams[2])
    population = gather_population(members, enterprises, branches, assigned)
    progress = Progress(enterprise_count + members, report)
    write_whole(opened("districts"), read_classification("districts.csv"))
    write_whole(opened("industries"), read_classification("industries.csv"))
    write_whole(opened("industry-groups"), read_data("industry_groups.csv"))
    _stream(opened("enterprises"), enterprise_chunks(enterprises, places, trades), progress)
    _stream(opened("returns"), return_chunks(enterprises, places, trades, streams[3]))
    _stream(opened("branches"), branch_chunks(branches, assigned, enterprises, places, streams[4]))
    _stream(opened("coverage"), coverage_chunks(enterprises, branches, assigned, streams[4]))
    _stream(opened("branch-returns"), branch_return_chunks(branches, streams[6]))
    _people(opened, population, streams[5], progress)


class Progress:
    """Counts written rows and reports them."""

    def __init__(self, total: int, report: RowProgress | None) -> None:
        self._done, self._total, self._report = 0, total, report

    def add(self, rows: int) -> None:
        """Count and report rows."""
        self._done += rows
        if self._report is not None:
            self._report(self._done, self._total)


def _stream(opened: Writer, chunks: Iterable[dict[str, pa.Array]], progress: Progress | None = None) -> None:
    with opened as writer:
        for columns in chunks:
            writer.write(columns)
            if progress is not None:
                progress.add(len(next(iter(columns.values()))))


def _people(
    opened: Callable[[str], Writer], population: Population, rng: np.random.Generator, progress: Progress
) -> None:
    """Write members, employments and affiliations in one pass, so that each chunk of members is drawn once."""
    with ExitStack() as stack:
        members, employments, affiliations = (
            stack.enter_context(opened(dataset)) for dataset in ("members", "employments", "affiliations")
        )
        for first in range(0, population.count, CHUNK):
            chunk, columns = draw_chunk(population, first, min(first + CHUNK, population.count), rng)
            members.write(columns)
            for part in employment_columns(population, chunk, rng):
                employments.write(part)
            for part in affiliation_columns(population, chunk, rng):
                affiliations.write(part)
            progress.add(len(chunk))
