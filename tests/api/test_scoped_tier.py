"""What a key with a scope gets of exact figures: everything but the correlations, which are figures of everything."""

import json
from collections.abc import Iterator
from math import sqrt
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.catalogue.metrics import SHARES
from app.config import Settings
from app.main import create_app
from tests.api.test_answer_cache import bearer, key_of
from tests.lengths import some

HOME = "350203"
UNDISCLOSED = {
    "value": 0.1, "strata": None, "firms": None, "members": None,
    "shares": {metric.code: 0.1 for metric in SHARES},
}  # fmt: skip


@pytest.fixture
def service(quarters: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(quarters.model_copy(update={"anonymous": "public"}))) as client:
        yield client


@pytest.fixture
def keys(quarters: Settings) -> dict[str, dict[str, str]]:
    return {"all": bearer(key_of(quarters, None)), "scoped": bearer(key_of(quarters, frozenset({HOME})))}


PATHS = (
    f"/v1/statistics/districts?parent={HOME}",
    f"/v1/statistics/districts/{HOME}",
    f"/v1/statistics/low-membership?district={HOME}&by=section",
    f"/v1/statistics/breakdown?district={HOME}&by=sector&by=section",
    f"/v1/statistics/trends?district={HOME}&by=street",
    f"/v1/statistics/changes?district={HOME}&since=2017-03-31",
    f"/v1/statistics/enterprises?district={HOME}&limit=5",
    f"/v1/statistics/branches?district={HOME}&limit=5",
    f"/v1/statistics/data-quality?district={HOME}",
    f"/v1/statistics/targets?district={HOME}",
)


@pytest.mark.parametrize("path", some(PATHS))
@pytest.mark.parametrize("order", [("all", "scoped"), ("scoped", "all")])
def test_the_correlation_is_not_given_when_the_key_has_a_scope(
    service: TestClient, keys: dict[str, dict[str, str]], path: str, order: tuple[str, str]
) -> None:
    answers = {name: service.get(path, headers=keys[name]) for name in (*order, *order)}
    given = {name: answers[name].json()["meta"] for name in order}
    assert given["scoped"]["intra_enterprise_correlation"] == UNDISCLOSED
    assert given["all"]["intra_enterprise_correlation"]["firms"] > 0
    assert given["scoped"]["snapshot"] == given["all"]["snapshot"]
    assert answers["scoped"].headers["ETag"] != answers["all"].headers["ETag"]


def test_intervals_rest_on_the_fixed_correlation_when_the_key_has_a_scope(
    service: TestClient, keys: dict[str, dict[str, str]]
) -> None:
    path = f"/v1/statistics/districts/{HOME}?fields=all"
    scoped, whole = (service.get(path, headers=keys[name]).json() for name in ("scoped", "all"))
    assert scoped["data"]["counts"] == whole["data"]["counts"]
    assert _without_intervals(scoped) == _without_intervals(whole)
    counts = scoped["data"]["counts"]
    headcount, squared = counts["headcount_matched"], counts["headcount_matched_squared"]
    effective = headcount**2 / (headcount + 0.1 * (squared - headcount))
    rate, z = scoped["data"]["rates"]["member_ratio"], 1.959963984540054
    half = z * sqrt(rate["value"] * (1 - rate["value"]) / effective + z**2 / (4 * effective**2))
    assert rate["high"] - rate["low"] == pytest.approx(2 * half / (1 + z**2 / effective), rel=1e-12)


def _without_intervals(answer: dict[str, Any]) -> object:
    rates = answer["data"]["rates"]
    return json.dumps({name: [rate["value"], rate["numerator"], rate["denominator"]] for name, rate in rates.items()})
