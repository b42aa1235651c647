"""A panel in process: trends of all streets of a county over twelve dates, three figures, asked without any cache."""

import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import typer

from app.catalogue.analyses import Analysis
from app.catalogue.dimensions import By
from app.config import Settings
from app.demo.generated import GENERATED_DATE
from app.publication.row_cache import RowCache, Source
from app.publication.trends import trend_answer
from app.statistics.question import Page, Population, Subject
from app.statistics.trends import TrendQuestion
from app.store.shelf import Shelf
from app.store.snapshot import Snapshot
from benchmarks.measuring import shortest, show, show_load
from benchmarks.registries import command, demo

DATES = 12
DAYS = 30
"""From one date to the next."""
FIGURES = ("enterprises", "organisation_coverage", "member_ratio")
RUNS = 5


def main(members: int = 200_000, counties: int = 2) -> None:
    """Measure the panels of the counties with the most enterprises in streets: generated registries have two such."""
    show_load()
    with tempfile.TemporaryDirectory(prefix="benchmark-panels-") as name:
        shelf = Shelf(_built(Path(name), demo(members).registry_url).snapshots_dir / "exact")
        source = Source(shelf, RowCache(0))
        questions = [_question(county) for county in _largest(shelf, counties)]
        asked = [partial(trend_answer, source, question, Page(limit=1000)) for question in questions]
        rows = [ask().rows for ask in asked]
        times = [shortest(RUNS, ask) for ask in asked]
        show("panels: members", members, "members")
        show("panel: rows", median(rows), "rows")
        show("panel: all streets, 12 dates, 3 figures", 1000 * median(times), "ms", "reach 20, aim 5")


def _built(folder: Path, url: str) -> Settings:
    """Build the snapshots of all dates in a new data folder."""
    settings = Settings(database_url=url, data_dir=folder)
    days = [word for day in _days() for word in ("--as-of", day.isoformat())]
    command(settings, "snapshot", "build", *days)
    return settings


def _days() -> Iterator[date]:
    for place in range(DATES):
        yield GENERATED_DATE - timedelta(days=DAYS * place)


def _question(county: str) -> TrendQuestion:
    return TrendQuestion(
        Subject.INDUSTRIES, population=Population(district=(county,)), analysis=Analysis.TRENDS, by=(By.STREET,),
        fields=FIGURES,
    )  # fmt: skip


def _largest(shelf: Shelf, counties: int) -> list[str]:
    """Return the codes of the counties with the most enterprises in streets."""
    snapshot: Snapshot = shelf.newest()
    tree, first = snapshot.districts, snapshot.first_of_district
    nodes = np.flatnonzero(tree.of_level("county"))
    district = snapshot.district_of(slice(0, len(snapshot.enterprises)))
    in_streets = np.r_[0, np.cumsum(np.r_[tree.of_level("street"), False][district])]
    held = in_streets[first[tree.ends[nodes]]] - in_streets[first[nodes]]
    return [tree.codes[node] for node in nodes[np.argsort(-held)[:counties]].tolist()]


if __name__ == "__main__":
    typer.run(main)
