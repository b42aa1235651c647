"""The catalogue over HTTP says all that the code declares."""

from starlette.testclient import TestClient

from app.api.catalogue import CatalogueAnswer
from app.catalogue.definitions import _sources
from app.catalogue.measures import BRANCH_MEASURES, MEASURES
from app.catalogue.metrics import METRIC
from app.catalogue.vocabulary import Basis


def test_everything_declared_is_listed_once(empty_service: TestClient) -> None:
    found = CatalogueAnswer.model_validate_json(empty_service.get("/v1/catalogue").content).data
    assert [measure.code for measure in found.measures] == [measure.code for measure in MEASURES]
    assert [measure.code for measure in found.branch_measures] == [measure.code for measure in BRANCH_MEASURES]
    assert [metric.code for metric in found.metrics] == list(METRIC)
    assert [basis.code for basis in found.bases] == list(Basis)
    ownership = next(dimension for dimension in found.dimensions if dimension.code == "ownership")
    assert [value.label.zh for value in ownership.values][:2] == ["国有", "集体"]


def test_a_metric_says_its_formula_interval_and_source(empty_service: TestClient) -> None:
    metrics = {metric["code"]: metric for metric in empty_service.get("/v1/catalogue").json()["data"]["metrics"]}
    reach = metrics["dual_reach"]
    assert reach["formula"] == ("members_reached_by_dual / (members_unorganised − members_reached_by_dual_unknown)")
    assert (reach["interval"], reach["tier"], reach["source"]) == ("shares", "exact", "OrgCoverage")
    assert metrics["establishment_rate"]["source"] == "Constitution of the Communist Party of China, Art. 30"
    assert metrics["member_ratio"]["tier"] == "public"


def test_everything_says_its_tier(empty_service: TestClient) -> None:
    data = empty_service.get("/v1/catalogue").json()["data"]
    public = {part: [item["code"] for item in items if item["tier"] == "public"] for part, items in data.items()}
    assert public == {
        "measures": [
            *("enterprises", "enterprises_organised", "enterprises_standalone"),
            *("headcount", "members", "members_matched", "headcount_matched"),
        ],
        "branch_measures": [],
        "metrics": ["member_ratio", "organisation_coverage", "standalone_rate"],
        "bases": ["operating"],
        "dimensions": ["district", "industry", "industry_group"],
    }
    assert {item["tier"] for items in data.values() for item in items} == {"public", "exact"}


def test_every_source_is_of_something_declared(empty_service: TestClient) -> None:
    data = empty_service.get("/v1/catalogue").json()["data"]
    declared = {item["code"] for part in data.values() for item in part}
    assert set(_sources()) <= declared
