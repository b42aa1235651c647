"""Changes over HTTP: the demonstration's accounts, the file beside them, what is refused, and both tiers."""

import csv
import io
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from app.api.statistics.changes import ChangesAnswer
from app.config import Settings
from app.main import create_app
from tests.factories.problems import place_of

PATH = "/v1/statistics/changes"
SINCE = "since=2017-03-31"


@pytest.fixture(scope="module")
def client(siming: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(siming.model_copy(update={"anonymous": "exact"}))) as service:
        yield service


def test_accounts_close_when_the_joint_committee_is_founded(client: TestClient) -> None:
    answer = client.get(f"{PATH}?{SINCE}&industry_group=internet&industry_level=division")
    found = ChangesAnswer.model_validate_json(answer.content)
    assert (found.meta.since.as_of.isoformat(), found.meta.as_of.isoformat()) == ("2017-03-31", "2017-06-30")
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
    figures = {(row["account"], row["component"], row["code"]): row["value"] for row in rows}
    assert len(figures) == len(rows)
    assert float(figures["ratio", "difference", ""]) == data["ratio"]["difference"]
    for account in ("enterprises", "organised", "members"):
        for component, value in data[account].items():
            assert int(figures[account, component, ""]) == value
    for stratum in data["ratio"]["strata"]:
        kind, code = ("industry", stratum["industry"]["code"]) if stratum["industry"] else ("unallocated", "")
        assert float(figures["ratio", f"{kind}_rate", code]) == stratum["rate"]
        assert float(figures["ratio", f"{kind}_mix", code]) == stratum["mix"]


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [
        ("", 422, "since"),
        ("since=yesterday", 422, "since"),
        ("since=2010-01-01", 404, "since"),
        ("since=2017-06-30&as_of=2017-03-31", 422, "since"),
        (f"{SINCE}&industry_level=street", 422, "industry_level"),
        (f"{SINCE}&district=nowhere", 422, "district"),
        (f"{SINCE}&sort=code", 422, "sort"),
    ],
)
def test_question_is_refused_with_its_parameter_when_it_cannot_be_answered(
    client: TestClient, query: str, status: int, pointer: str
) -> None:
    answer = client.get(f"{PATH}?{query}")
    assert answer.status_code == status
    assert [place_of(error) for error in answer.json()["errors"]] == [pointer]


def test_validator_is_good_when_nothing_was_built_since(client: TestClient) -> None:
    first = client.get(f"{PATH}?{SINCE}")
    assert client.get(f"{PATH}?{SINCE}", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
