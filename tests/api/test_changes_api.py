"""Changes over HTTP: the demonstration's accounts, the file beside them, what is refused, and both tiers."""

import csv
import io
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from app.api.statistics.changes import Changes, ChangesAnswer, ChangesRowsAnswer
from app.config import Settings
from app.main import create_app
from tests.factories.problems import place_of
from tests.reference.questions import CHOICES, DIMENSIONS_OF

PATH = "/v1/statistics/changes"
SINCE = "since=2017-03-31"


@pytest.fixture(scope="module")
def client(siming: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(siming.model_copy(update={"anonymous": "exact"}))) as service:
        yield service


def test_accounts_close_when_the_joint_committee_is_founded(client: TestClient) -> None:
    answer = client.get(f"{PATH}?{SINCE}&industry_group=internet&by=division")
    found = ChangesAnswer.model_validate_json(answer.content)
    assert (found.meta.since.as_of.isoformat(), found.meta.as_of.isoformat()) == ("2017-03-31", "2017-06-30")
    assert isinstance(found.data, Changes)
    ratio, enterprises, organised = found.data.ratio, found.data.enterprises, found.data.organised
    assert ratio is not None
    assert abs(ratio.rate + ratio.mix - ratio.difference) <= 1e-12
    assert {one.industry and one.industry.level for one in ratio.strata} <= {"division", None}
    assert enterprises is not None
    assert organised is not None
    for when, count in (("2017-03-31", organised.before), ("2017-06-30", organised.after)):
        group = client.get(f"/v1/statistics/industry-groups/internet?as_of={when}").json()["data"]
        assert group["counts"]["enterprises_organised"] == count


def test_file_has_the_figures_of_the_answer_when_both_are_asked(client: TestClient) -> None:
    data = client.get(f"{PATH}?{SINCE}").json()["data"]
    rows = list(csv.DictReader(io.StringIO(client.get(f"{PATH}.csv?{SINCE}").text)))
    figures = {(row["account"], row["component"], row["stratum_code"]): row["value"] for row in rows}
    assert len(figures) == len(rows)
    assert float(figures["ratio", "difference", ""]) == data["ratio"]["difference"]
    for account in ("enterprises", "organised", "members"):
        for component, value in data[account].items():
            assert int(figures[account, component, ""]) == value
    for stratum in data["ratio"]["strata"]:
        kind, code = ("industry", stratum["industry"]["code"]) if stratum["industry"] else ("unallocated", "")
        assert float(figures["ratio", f"{kind}_rate", code]) == stratum["rate"]
        assert float(figures["ratio", f"{kind}_mix", code]) == stratum["mix"]


@pytest.mark.parametrize("by", ["county", "street", "sector", "ownership"])
def test_rows_and_what_is_unallocated_are_the_total_but_for_moves_when_broken_down(client: TestClient, by: str) -> None:
    query = f"{SINCE}&by={by}&by=division&basis=registered"
    answer = client.get(f"{PATH}?{query}")
    ChangesRowsAnswer.model_validate_json(answer.content, strict=True)
    found = answer.json()
    whole = client.get(f"{PATH}?{SINCE}&by=division&basis=registered").json()
    assert found["total"] == whole["data"]
    assert whole.keys() == {"data", "meta"}
    assert found["meta"]["rows"] == len(found["data"]) > 0
    dimension = DIMENSIONS_OF[by]
    named = [row[dimension] if isinstance(row[dimension], str) else row[dimension]["code"] for row in found["data"]]
    assert named == [one for one in CHOICES.get(by, sorted(named)) if one in named]
    for account in ("enterprises", "organised", "members"):
        parts = [row[account] for row in [*found["data"], found["unallocated"]]]
        for component in ("before", "after", "entered", "left"):
            assert sum(part[component] for part in parts) == found["total"][account][component]
        for part in parts:
            moved = part["moved_in"] - part["moved_out"]
            assert part["after"] - part["before"] == part["within"] + part["entered"] - part["left"] + moved
        assert sum(part["moved_in"] - part["moved_out"] for part in parts) == 0
    assert found["unallocated"]["ratio"] is None
    for code, row in zip(named, found["data"], strict=True):
        single = client.get(f"{PATH}?{SINCE}&by=division&basis=registered&{dimension}={code}").json()["data"]
        assert {name: row[name] for name in single} == single
    rows = list(csv.DictReader(io.StringIO(client.get(f"{PATH}.csv?{query}").text)))
    column = f"{dimension}_code" if dimension == "district" else dimension
    figures = {(row["row"], row[column], row["account"], row["component"], row["stratum_code"]): row for row in rows}
    assert len(figures) == len(rows)
    for code, row in zip(named, found["data"], strict=True):
        assert int(figures["subject", code, "members", "after", ""]["value"]) == row["members"]["after"]
    assert int(figures["total", "", "members", "after", ""]["value"]) == found["total"]["members"]["after"]


def test_snapshots_are_compared_when_they_are_named(client: TestClient) -> None:
    by_date = client.get(f"{PATH}?{SINCE}").json()
    since, until = by_date["meta"]["since"]["snapshot"], by_date["meta"]["snapshot"]
    named = client.get(f"{PATH}?since_snapshot={since}&snapshot={until}").json()
    assert named["data"] == by_date["data"]
    assert (named["meta"]["since"]["snapshot"], named["meta"]["since"]["requested_as_of"]) == (since, None)
    assert client.get(f"{PATH}?{SINCE}&since_snapshot={since}").json()["data"] == by_date["data"]
    still = client.get(f"{PATH}?since_snapshot={until}").json()["data"]  # of the same date: nothing was revised
    assert (still["ratio"]["difference"], still["members"]["within"]) == (0, 0)
    for query, places in (
        (f"{SINCE}&since_snapshot={until}", ["since_snapshot"]),
        (f"since_snapshot={until}&snapshot={since}", ["since_snapshot"]),
    ):
        answer = client.get(f"{PATH}?{query}")
        assert answer.status_code == 422
        assert [place_of(error) for error in answer.json()["errors"]] == places


@pytest.mark.parametrize(
    ("query", "status", "places"),
    [
        ("", 422, ["since", "since_snapshot"]),
        ("since=yesterday", 422, ["since"]),
        ("since=2010-01-01", 404, ["since"]),
        ("since_snapshot=20170331-0000000000000000", 404, ["since_snapshot"]),
        ("since=2017-06-30&as_of=2017-03-31", 422, ["since"]),
        (f"{SINCE}&industry_level=section", 422, ["industry_level"]),
        (f"{SINCE}&by=basis", 422, ["by"]),
        (f"{SINCE}&by=section&by=division", 422, ["by"]),
        (f"{SINCE}&by=sector&by=county", 422, ["by"]),
        (f"{SINCE}&by=sector&by=sector", 422, ["by"]),
        (f"{SINCE}&by=sector&by=section&by=county", 422, ["by"]),
        (f"{SINCE}&district=nowhere", 422, ["district"]),
        (f"{SINCE}&sector=social&sector=social", 422, ["sector"]),
        (f"{SINCE}&fields=members", 422, ["fields"]),
        (f"{SINCE}&sort=code", 422, ["sort"]),
    ],
)
def test_question_is_refused_with_its_parameter_when_it_cannot_be_answered(
    client: TestClient, query: str, status: int, places: list[str]
) -> None:
    answer = client.get(f"{PATH}?{query}")
    assert answer.status_code == status
    assert [place_of(error) for error in answer.json()["errors"]] == places


def test_validator_is_good_when_nothing_was_built_since(client: TestClient) -> None:
    first = client.get(f"{PATH}?{SINCE}")
    assert client.get(f"{PATH}?{SINCE}", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
