"""Figures of the demonstration that the methodology tells: what a branch that covers many does to an interval."""

from collections import Counter

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.catalogue.vocabulary import ORGANISATION_MEANS, Basis
from app.config import Settings
from app.main import create_app
from app.statistics.inference import wilson
from app.statistics.population import resolve, rows_of
from app.statistics.question import Population
from app.store.shelf import Shelf
from tests.documentation.markdown import ROOT

SIMING = "350203"
METHODOLOGY = (ROOT / "docs" / "methodology.md").read_text(encoding="utf-8")


def test_organised_together_is_what_the_methodology_says(quarters: Settings) -> None:
    snapshot = Shelf(quarters.snapshots_dir / "exact").newest()
    [(rows, mask)] = rows_of(snapshot, resolve(snapshot, Population(Basis.OPERATING, district=(SIMING,))))
    organised = mask & (snapshot.enterprises.values("organised")[rows] == 1)
    firms = set((rows.start + np.flatnonzero(organised)).tolist())
    table, living = snapshot.table("coverage"), set(snapshot.branches.texts("code"))
    pairs = {
        (firm, branch)
        for firm, branch, means in zip(
            table.values("enterprise").tolist(), table.texts("branch_code"), table.texts("means"), strict=True
        )
        if firm in firms and branch in living and means in ORGANISATION_MEANS
    }
    size = Counter(branch for _, branch in pairs)
    of_firm = {firm: min((size[branch], branch) for one, branch in pairs if one == firm) for firm in firms}
    together = Counter(branch for _, branch in of_firm.values())
    counted, covered, squares = int(mask.sum()), len(firms), sum(number**2 for number in together.values())
    assert (counted, covered, len(together), squares) == (268, 125, 64, 785)
    effective = counted * covered / squares
    low, high = (float(side[0]) for side in wilson(np.array([125]), np.array([268]), np.array([effective])))
    assert effective == pytest.approx(42.67515924, abs=1e-8)
    assert (low, high) == pytest.approx((0.3258029742, 0.6125794328), abs=1e-10)
    assert "125 of 268" in METHODOLOGY
    assert "785" in METHODOLOGY


def test_the_official_coverage_is_of_what_the_methodology_says(quarters: Settings) -> None:
    with TestClient(create_app(quarters.model_copy(update={"anonymous": "exact"}))) as client:
        total, organised = 0, 0
        for ownership in ("private", "foreign", "hong_kong_macao_taiwan"):
            url = f"/v1/statistics/districts/{SIMING}?ownership={ownership}&enterprise_kind=enterprise"
            counts = client.get(url).json()["data"]["counts"]
            total, organised = total + counts["enterprises"], organised + counts["enterprises_organised"]
    print(total, organised, organised / total)
    assert f"{organised} of {total}" in METHODOLOGY
