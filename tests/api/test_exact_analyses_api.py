"""Gaps, dual affiliation and data quality over HTTP: shapes, files, refusals, and that reads are audited."""

import csv
import io
import json
from collections.abc import Iterator

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

from app.api.statistics.data_quality import DataQualityPage
from app.api.statistics.dual_affiliation import DualAffiliationAnswer
from app.api.statistics.establishment_gaps import EstablishmentGapPage
from app.api.statistics.establishment_proposals import EstablishmentProposalPage
from app.config import Settings
from app.main import create_app
from tests.factories.problems import place_of

STATISTICS = "/v1/statistics"


@pytest.fixture(scope="module")
def client(siming: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(siming.model_copy(update={"anonymous": "exact"}))) as service:
        yield service


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/establishment-gaps", EstablishmentGapPage),
        ("/establishment-gaps?strict=true&sort=full_members&order=desc&limit=3", EstablishmentGapPage),
        ("/establishment-proposals", EstablishmentProposalPage),
        ("/establishment-proposals?industry_group=internet&basis=registered&limit=3", EstablishmentProposalPage),
        ("/dual-affiliation", DualAffiliationAnswer),
        ("/dual-affiliation?district=350203&industry_group=internet", DualAffiliationAnswer),
        ("/data-quality", DataQualityPage),
        ("/data-quality?rule=return_missing&limit=2", DataQualityPage),
        ("/data-quality?rule=branch_below_size&district=350203", DataQualityPage),
    ],
)
def test_an_answer_has_its_documented_shape(client: TestClient, path: str, model: type[BaseModel]) -> None:
    answer = client.get(f"{STATISTICS}{path}")
    assert answer.status_code == 200, answer.text
    model.model_validate_json(answer.content, strict=True)


def test_the_joint_committee_has_between_200_and_300_members_from_elsewhere(client: TestClient) -> None:
    data = client.get(f"{STATISTICS}/dual-affiliation?district=350203").json()["data"]
    assert len(data["joint_branches"]) == 7
    assert 200 <= data["members"] <= 300
    assert sum(cell["members"] for cell in data["matrix"]) >= data["members"]
    before, after = (data["uplift"]["organisation_coverage"][side] for side in ("without_dual", "with_dual"))
    assert before["value"] < after["value"]
    quiet = client.get(f"{STATISTICS}/dual-affiliation?district=350203&as_of=2017-03-31").json()["data"]
    assert (quiet["matrix"], quiet["members"]) == ([], 0)


@pytest.mark.parametrize(
    "path",
    [
        "establishment-gaps",
        "establishment-proposals",
        "dual-affiliation",
        "data-quality",
        "data-quality?rule=headcount_unknown",
    ],
)
def test_a_file_has_a_row_for_each_of_the_list(client: TestClient, path: str) -> None:
    name, _, query = path.partition("?")
    whole = client.get(f"{STATISTICS}/{name}?{query}").json()["data"]
    listed = whole["matrix"] if name == "dual-affiliation" else whole
    rows = list(csv.DictReader(io.StringIO(client.get(f"{STATISTICS}/{name}.csv?{query}").text)))
    assert len(rows) == len(listed) > 0


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/establishment-gaps?eligible=true", "eligible"),
        ("/establishment-gaps?strict=perhaps", "strict"),
        ("/establishment-proposals?strict=true", "strict"),
        ("/establishment-proposals?fields=members", "fields"),
        ("/establishment-proposals?district=nowhere", "district"),
        ("/establishment-proposals?cursor=WyJub3doZXJlIiwiIiwxXQ", "cursor"),
        ("/dual-affiliation?basis=registered", "basis"),
        ("/data-quality?rule=none", "rule"),
        ("/data-quality?industry=nowhere", "industry"),
    ],
)
def test_a_question_is_refused_with_its_parameter(client: TestClient, path: str, pointer: str) -> None:
    answer = client.get(f"{STATISTICS}{path}")
    assert answer.status_code == 422
    assert [place_of(error) for error in answer.json()["errors"]] == [pointer]


def test_reads_are_audited_and_nothing_is_kept_from_the_audit(client: TestClient, siming: Settings) -> None:
    for _ in range(2):
        client.get(f"{STATISTICS}/establishment-gaps?limit=1")
    lines = [json.loads(line) for file in sorted(siming.audit_dir.iterdir()) for line in file.read_text().splitlines()]
    assert sum(line["operation"] == "list_establishment_gaps" for line in lines) >= 2


def test_proposals_go_on_page_by_page_and_are_the_gap_list_where_they_stand_alone(client: TestClient) -> None:
    asked = f"{STATISTICS}/establishment-proposals?district=350203&industry_group=internet"
    whole = client.get(asked).json()
    paged, path = [], f"{asked}&limit=7"
    while path:
        answer = client.get(path)
        paged += answer.json()["data"]
        path = answer.links.get("next", {}).get("url", "")
    assert paged == whole["data"]
    gaps = client.get(f"{STATISTICS}/establishment-gaps?district=350203&industry_group=internet").json()["data"]
    alone = [row["enterprises"] for row in whole["data"] if row["kind"] == "standalone"]
    assert sorted(alone) == [[row["enterprise"]["code"]] for row in gaps]


def test_coverage_grows_row_by_row_to_what_is_said_of_all(client: TestClient) -> None:
    found = client.get(f"{STATISTICS}/establishment-proposals?district=350203&limit=1000").json()
    numerators = [row["coverage_after"]["numerator"] for row in found["data"]]
    organised = [0 if row["kind"] == "instructor" else len(row["enterprises"]) for row in found["data"]]
    before = found["before"]["organisation_coverage"]["numerator"]
    assert numerators == [before + sum(organised[: place + 1]) for place in range(len(organised))]
    assert found["data"][-1]["coverage_after"] == found["after"]["organisation_coverage"]
