"""The main questions, asked with the generated Python client: a program that a strict type checker has to accept.

Each function asks one and checks the answer; those of a `Client` on the demonstration, all its figures shown.
"""

import io
import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import pandas as pd
from org_coverage_client import AuthenticatedClient, Client
from org_coverage_client.api.access import create_api_key
from org_coverage_client.api.catalogue import get_catalogue
from org_coverage_client.api.imports import create_import, get_import, list_import_issues
from org_coverage_client.api.jobs import create_snapshot, get_job
from org_coverage_client.api.registry import get_enterprise, replace_enterprise
from org_coverage_client.api.service import get_readiness
from org_coverage_client.api.snapshots import list_snapshots
from org_coverage_client.api.statistics import (
    export_district_statistics,
    get_changes,
    get_dual_affiliation,
    get_enterprise_statistics,
    list_branch_statistics,
    list_breakdown_statistics,
    list_data_quality,
    list_district_statistics,
    list_enterprise_statistics,
    list_establishment_gaps,
    list_establishment_proposals,
    list_industry_group_statistics,
    list_industry_statistics,
    list_low_membership,
    list_targets,
    list_trend_statistics,
)
from org_coverage_client.models import (
    AcceptedJobAnswer,
    AnyField,
    Basis,
    BranchField,
    BranchKind,
    BranchStatisticsPage,
    BreakdownStatisticsPage,
    By,
    CatalogueAnswer,
    ChangesAnswer,
    ChangesBy,
    ChangesRowsAnswer,
    ComparedBy,
    CompareTo,
    ComparisonClass,
    CountChange,
    DataQualityPage,
    DatasetName,
    DistrictFormat,
    DistrictLevel,
    DistrictStatisticsPage,
    DualAffiliationAnswer,
    EnterpriseAnswer,
    EnterpriseBody,
    EnterpriseKind,
    EnterpriseSort,
    EnterpriseStatistics,
    EnterpriseStatisticsAnswer,
    EnterpriseStatisticsPage,
    EstablishmentGapPage,
    EstablishmentProposalPage,
    ImportAnswer,
    ImportIssuePage,
    IndustryGroupStatisticsPage,
    IndustryLevel,
    IndustryStatisticsPage,
    JobAnswer,
    JobState,
    KeyBody,
    KeyRight,
    LowMembershipStatisticsPage,
    NewApiKeyAnswer,
    Order,
    Problem,
    ProposalKind,
    QualityRule,
    Rate,
    Rates,
    Readiness,
    Rule,
    Sector,
    Severity,
    SnapshotBody,
    SnapshotList,
    StatisticsField,
    StatisticsSort,
    Status,
    TargetMetric,
    TargetsPage,
    TargetState,
    TrendStatisticsPage,
)
from org_coverage_client.types import UNSET, File, Unset
from python_calamine import CalamineWorkbook

SIMING = "350203"
PATIENCE = timedelta(seconds=60)

LEDGER = """code,name,reported_on,district_code,industry_code,headcount,members,full_members
XM-0001,云顶路一号网络（示例）,2017-06-30,350203008,6429,24,3,3
XM-0002,云顶路二号传媒（示例）,2017-06-30,350203008,8710,9,12,2
XM-0003,云顶路三号软件（示例）,2017-06-30,350203008,6513,twelve,1,1
"""
"""A good row, one with more members than staff (a warning), one whose headcount is no number (an error)."""

Parsed = TypeVar("Parsed")


def good(kind: type[Parsed], parsed: object) -> Parsed:
    """Return an answer of the expected kind."""
    assert isinstance(parsed, kind), parsed
    return parsed


def given(value: Parsed | Unset | None) -> Parsed:
    """Return a figure that was asked for and is known."""
    assert value is not None
    assert not isinstance(value, Unset)
    return value


def ask_districts(client: Client) -> None:
    """Rows and what is not allocated add up to the total; a ratio is its parts divided."""
    page = good(DistrictStatisticsPage, list_district_statistics.sync(client=client, parent=SIMING))
    assert {row.district.level for row in page.data} == {DistrictLevel.STREET}
    assert {row.district.parent_code for row in page.data} == {SIMING}
    assert page.unallocated is not None
    listed = sum(given(row.counts.members) for row in page.data)
    assert listed + given(page.unallocated.counts.members) == page.total.counts.members
    ratio = given(page.total.rates.member_ratio)
    assert ratio.value == quotient(ratio)
    assert ratio.low is not None
    assert ratio.high is not None
    assert ratio.low < quotient(ratio) < ratio.high
    assert 0 < given(ratio.n_eff) < given(ratio.denominator)
    assert page.meta.as_of == date(2017, 9, 30)
    assert page.meta.basis is Basis.OPERATING
    assert given(page.data[0].rates.member_ratio_upper).status is Status.NOT_APPLICABLE
    assert page.data[0].counts.members_withheld is None


def quotient(rate: Rate) -> float:
    """Divide a ratio that has parts."""
    assert rate.numerator is not None
    assert rate.denominator is not None
    ratio: float = rate.numerator / rate.denominator
    return ratio


def ask_other_subjects(client: Client) -> None:
    """Industries, groups and branches are lists of their own types; figures that are not asked for are absent."""
    industries = good(IndustryStatisticsPage, list_industry_statistics.sync(client=client, level=IndustryLevel.SECTION))
    assert {row.industry.level for row in industries.data} == {IndustryLevel.SECTION}
    groups = good(IndustryGroupStatisticsPage, list_industry_group_statistics.sync(client=client))
    assert "internet" in [row.industry_group.code for row in groups.data]
    assert groups.unallocated is None
    branches = good(
        BranchStatisticsPage,
        list_branch_statistics.sync(
            client=client, kind=BranchKind.COMMITTEE, limit=1, fields=[BranchField.MEMBERS_PARTICIPATING]
        ),
    )
    assert branches.meta.basis is None
    own, subtree = branches.data[0].own.counts, branches.data[0].subtree.counts
    assert given(subtree.members_participating) >= given(own.members_participating)
    assert subtree.affiliations is UNSET


def ask_page_after_page(client: Client) -> None:
    """All pages together are the whole list, each enterprise once; null ends it."""
    rows = list(all_enterprises(client))
    codes = [row.enterprise.code for row in rows]
    assert codes == sorted(set(codes))
    assert len(codes) > 200
    headless = [row for row in rows if row.counts.headcount is None]
    assert headless
    ratios = [given(row.rates.member_ratio) for row in headless]
    assert {(ratio.value, ratio.status) for ratio in ratios} == {(None, Status.UNKNOWN)}


def all_enterprises(client: Client) -> Iterator[EnterpriseStatistics]:
    """Yield every row of a list, page by page."""
    cursor: str | Unset = UNSET
    listed = 0
    while True:
        page = good(EnterpriseStatisticsPage, list_enterprise_statistics.sync(client=client, limit=100, cursor=cursor))
        listed += len(page.data)
        yield from page.data
        if page.next_cursor is None:
            assert listed == page.meta.rows
            return
        cursor = page.next_cursor


def ask_low_membership(client: Client) -> None:
    """The internet industry has too few members, and the answer says how many are missing."""
    page = good(
        LowMembershipStatisticsPage,
        list_low_membership.sync(client=client, district=[SIMING], by=[ComparedBy.INDUSTRY_GROUP]),
    )
    internet = page.data[0]
    assert internet.industry is None
    assert internet.industry_group is not None
    assert internet.industry_group.code == "internet"
    assert internet.class_ is ComparisonClass.LOW
    assert internet.q is not None
    assert internet.q < 0.05
    assert internet.q_margin is not None
    assert internet.q_margin < 0.05
    assert internet.ratio is not None
    assert internet.reference_ratio is not None
    assert internet.ratio < 0.8 * internet.reference_ratio
    assert internet.shortfall is not None
    assert internet.shortfall > 0
    assert internet.ratio == given(internet.rates.member_ratio).value


def ask_breakdown(client: Client) -> None:
    """Cells of two dimensions and what is not allocated add up to the total; five bases stand side by side."""
    page = good(
        BreakdownStatisticsPage,
        list_breakdown_statistics.sync(
            client=client, district=[SIMING], by=[By.STREET, By.SECTION], fields=[StatisticsField.ENTERPRISES],
            limit=1000,
        ),
    )  # fmt: skip
    assert page.next_cursor is None
    assert page.unallocated is not None
    assert page.total is not None
    listed = sum(given(cell.counts.enterprises) for cell in page.data)
    assert listed + given(page.unallocated.counts.enterprises) == page.total.counts.enterprises
    assert all(cell.district and cell.industry and cell.industry_group is None for cell in page.data)
    bases = good(
        BreakdownStatisticsPage,
        list_breakdown_statistics.sync(client=client, industry_group=["internet"], by=[By.BASIS]),
    )
    assert {row.basis for row in bases.data} == set(Basis)
    assert (bases.total, bases.unallocated, bases.meta.basis) == (None, None, None)


def ask_for_the_official_coverage(client: Client) -> None:
    """Non-public enterprises and social organisations together; only sound rows are ranked."""
    page = good(
        BreakdownStatisticsPage,
        list_breakdown_statistics.sync(
            client=client, district=[SIMING], by=[By.STREET], sector=[Sector.NON_PUBLIC, Sector.SOCIAL],
            fields=[StatisticsField.ORGANISATION_COVERAGE], sort=StatisticsSort.ORGANISATION_COVERAGE,
            status=[Status.OK],
        ),
    )  # fmt: skip
    assert page.total is not None
    coverages = [given(row.rates.organisation_coverage) for row in page.data]
    assert {coverage.status for coverage in coverages} == {Status.OK}
    values = [given(coverage.value) for coverage in coverages]
    assert values == sorted(values)
    assert values[0] < given(given(page.total.rates.organisation_coverage).value) < values[-1]


def ask_trends(client: Client) -> None:
    """Work coverage of internet firms rises when the joint committee is founded; figures not asked for are absent."""
    trend = good(
        TrendStatisticsPage,
        list_trend_statistics.sync(
            client=client, industry_group=["internet"], fields=[AnyField.WORK_COVERAGE], from_=date(2017, 1, 1)
        ),
    )
    assert [row.as_of for row in trend.data] == [date(2017, 3, 31), date(2017, 6, 30), date(2017, 9, 30)]
    rates = [good(Rates, row.rates) for row in trend.data]
    assert [given(rate.work_coverage).numerator for rate in rates] == [23, 65, 67]
    assert rates[0].dual_reach is UNSET


def ask_for_a_panel(client: Client) -> None:
    """All streets at two dates, and how each moved from the first to the second."""
    panel = good(
        TrendStatisticsPage,
        list_trend_statistics.sync(
            client=client, district=[SIMING], by=[By.STREET], fields=[AnyField.WORK_COVERAGE],
            from_=date(2017, 6, 30), compare_to=CompareTo.PREVIOUS,
        ),
    )  # fmt: skip
    assert panel.meta.rows == 10
    assert [row.change is None for row in panel.data] == [True, False] * 10
    before, after = (given(good(Rates, row.rates).work_coverage) for row in panel.data[:2])
    change = given(given(given(panel.data[1].change).rates).work_coverage)
    assert change == given(after.value) - given(before.value)


def ask_changes(client: Client) -> None:
    """Rate and mix add up to the difference, and the accounts of counts close; by street there is a row for each."""
    found = good(
        ChangesAnswer,
        get_changes.sync(client=client, since=date(2016, 9, 30), district=[SIMING], by=[ChangesBy.DIVISION]),
    )
    whole = found.data
    ratio = whole.ratio
    assert ratio is not None
    assert abs(ratio.difference - (ratio.rate + ratio.mix)) < 1e-12
    assert abs(ratio.rate - sum(stratum.rate for stratum in ratio.strata)) < 1e-12
    members = good(CountChange, whole.members)
    gained = members.within + members.entered + members.moved_in
    assert members.before + gained - members.left - members.moved_out == members.after
    streets = good(
        ChangesRowsAnswer,
        get_changes.sync(client=client, since=date(2016, 9, 30), district=[SIMING], by=[ChangesBy.STREET]),
    )
    listed = sum(good(CountChange, row.members).after for row in streets.data)
    unallocated = good(CountChange, streets.unallocated.members).after
    assert listed + unallocated == good(CountChange, streets.total.members).after == members.after


def ask_establishment_gaps(client: Client) -> None:
    """Enterprises that must establish an organisation have three full members and none."""
    page = good(
        EstablishmentGapPage,
        list_establishment_gaps.sync(
            client=client, district=[SIMING], industry_group=["internet"], sort=EnterpriseSort.FULL_MEMBERS,
            order=Order.DESC,
        ),
    )  # fmt: skip
    found = [given(row.counts.full_members) for row in page.data]
    assert page.meta.rows == len(found) == 31
    assert found == sorted(found, reverse=True)
    assert found[-1] >= 3
    assert all(row.enterprise.organised is False for row in page.data)
    assert all(row.gap_since <= page.meta.as_of for row in page.data)
    assert all(len(row.candidates) <= 5 for row in page.data)


def ask_establishment_proposals(client: Client) -> None:
    """Whoever is in the gap gets a branch of their own, and each row says how far it brings coverage."""
    page = good(
        EstablishmentProposalPage,
        list_establishment_proposals.sync(client=client, district=[SIMING], industry_group=["internet"]),
    )
    assert sum(row.kind is ProposalKind.STANDALONE for row in page.data) == 31
    assert all((row.branch is None) == (row.kind is not ProposalKind.ATTACH) for row in page.data)
    assert (page.before.organisation_coverage.numerator, page.after.organisation_coverage.numerator) == (9, 65)
    assert page.data[-1].coverage_after == page.after.organisation_coverage


def ask_dual_affiliation(client: Client) -> None:
    """Who takes part in the joint committee, and what that adds to coverage."""
    found = good(
        DualAffiliationAnswer,
        get_dual_affiliation.sync(client=client, district=[SIMING], industry_group=["internet"]),
    ).data
    assert found.members == 246
    uplift = found.uplift.organisation_coverage
    assert (uplift.without_dual.numerator, uplift.with_dual.numerator) == (9, 63)
    assert max(branch.members for branch in found.joint_branches) <= found.members
    assert max(cell.members for cell in found.matrix) <= found.members


def ask_data_quality(client: Client) -> None:
    """Every rule with how much it finds; with a rule, what it finds."""
    summary = good(DataQualityPage, list_data_quality.sync(client=client, district=[SIMING]))
    numbers = {row.rule: row.number for row in summary.data}
    assert set(numbers) == {rule for rule in QualityRule if "between_extracts" not in rule}
    assert numbers[QualityRule.MEMBERS_WITHOUT_EMPLOYER] is None
    assert summary.reporting_rate.numerator == 269
    one = good(
        DataQualityPage,
        list_data_quality.sync(client=client, district=[SIMING], rule=QualityRule.HEADCOUNT_UNKNOWN),
    )
    assert len([row for row in one.data if row.subject is not None]) == numbers[QualityRule.HEADCOUNT_UNKNOWN] == 24


def ask_targets(client: Client) -> None:
    """What is to be reached until the end of the year, and what is missing."""
    page = good(
        TargetsPage,
        list_targets.sync(
            client=client, district=[SIMING], due_to=date(2017, 12, 31), state=[TargetState.SHORT, TargetState.MET]
        ),
    )
    worst = max(page.data, key=lambda row: given(row.missing))
    assert worst.metric is TargetMetric.ORGANISATION_COVERAGE
    assert (worst.missing, worst.current.numerator, worst.current.denominator) == (24, 21, 89)
    assert all((row.missing == 0) == (row.state is TargetState.MET) for row in page.data)
    assert {row.days_left for row in page.data} == {92}


def ask_what_there_is(client: Client) -> None:
    """Snapshots with dates and instants, the catalogue, readiness."""
    snapshots = good(SnapshotList, list_snapshots.sync(client=client))
    assert date(2017, 6, 30) in [snapshot.as_of for snapshot in snapshots.data]
    assert snapshots.data[0].built_at.tzinfo is not None
    assert snapshots.data[0].built_at <= datetime.now(UTC)
    catalogue = good(CatalogueAnswer, get_catalogue.sync(client=client))
    assert {metric.code for metric in catalogue.data.metrics} >= {"member_ratio", "work_coverage"}
    good(Readiness, get_readiness.sync(client=client))


def ask_wrongly(client: Client) -> None:
    """What is wrong comes as a problem: where, and what may stand there."""
    answer = list_district_statistics.sync_detailed(client=client, parent="999999", limit=0)
    assert answer.status_code == 422
    problem = good(Problem, answer.parsed)
    assert problem.type_ == "/problems/invalid-request"
    assert {item.parameter for item in problem.errors} == {"limit"}
    missing = get_enterprise_statistics.sync_detailed("nowhere", client=client)
    assert missing.status_code == 404
    assert good(Problem, missing.parsed).request_id == missing.headers["x-request-id"]
    early = good(Problem, list_district_statistics.sync(client=client, as_of=date(2000, 1, 1)))
    assert early.status == 404


def ask_for_files(client: Client) -> None:
    """Each format opens, and has the streets of the list."""
    page = good(DistrictStatisticsPage, list_district_statistics.sync(client=client, parent=SIMING))
    members = {row.district.code: given(row.counts.members) for row in page.data}
    content = {kind: one_file(client, kind) for kind in DistrictFormat}
    header, *lines = content[DistrictFormat.CSV].decode().splitlines()
    assert header == "row,code,name_zh,name_en,level,parent_code,members"
    assert {line.split(",")[1]: int(line.split(",")[-1]) for line in lines} == members
    records: list[dict[str, Any]] = json.loads(content[DistrictFormat.RECORDS])
    assert {row["code"]: row["members"] for row in records} == members
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content[DistrictFormat.XLSX])).get_sheet_by_index(0).to_python()
    assert {str(row[1]): row[-1] for row in sheet[1:]} == members
    table = pd.read_parquet(io.BytesIO(content[DistrictFormat.PARQUET]))
    assert table.set_index("code")["members"].to_dict() == members
    drawn = json.loads(content[DistrictFormat.GEOJSON])["features"]
    assert {feature["id"]: feature["properties"]["members"] for feature in drawn} == members
    cube = json.loads(content[DistrictFormat.JSONSTAT])
    assert (cube["version"], cube["class"]) == ("2.0", "dataset")
    assert dict(zip(cube["dimension"]["code"]["category"]["index"], cube["value"], strict=True)) == members


def one_file(client: Client, kind: DistrictFormat) -> bytes:
    """Return the streets and their members as a file."""
    file = export_district_statistics.sync(kind, client=client, parent=SIMING, fields=[StatisticsField.MEMBERS])
    content: bytes = good(File, file).payload.read()
    return content


def send_a_file(client: Client) -> None:
    """A file is sent as it is, its job followed to the end; every problem of every row is there, by rule."""
    accepted = good(
        AcceptedJobAnswer,
        create_import.sync(
            client=client, body=File(io.BytesIO(LEDGER.encode())), dataset=DatasetName.LEDGER, dry_run=True
        ),
    )
    job = good(JobAnswer, finished(client, accepted.data.job_id)).data
    assert job.state is JobState.FAILED
    assert job.problem is not None
    record = good(ImportAnswer, get_import.sync(accepted.data.id, client=client)).data
    assert record.dry_run
    assert record.bytes_ == len(LEDGER.encode())
    issues = good(ImportIssuePage, list_import_issues.sync(accepted.data.id, client=client)).data
    assert [(issue.row, issue.column, issue.severity, issue.rule) for issue in issues] == [
        (3, "members", Severity.WARNING, Rule.MEMBERS_ABOVE_HEADCOUNT),
        (4, "headcount", Severity.ERROR, Rule.INVALID_COUNT),
    ]
    good_rows = "".join(LEDGER.splitlines(keepends=True)[:2])
    accepted = good(
        AcceptedJobAnswer,
        create_import.sync(client=client, body=File(io.BytesIO(good_rows.encode())), dataset=DatasetName.LEDGER),
    )
    assert finished(client, accepted.data.job_id).data.state is JobState.SUCCEEDED
    result = good(ImportAnswer, get_import.sync(accepted.data.id, client=client)).data.result
    assert result is not None
    assert (result.inserted, result.errors, result.warnings) == (1, 0, 0)


def finished(client: Client, job: str) -> JobAnswer:
    """Follow a job to its end."""
    deadline = datetime.now(UTC) + PATIENCE
    while True:
        answer = get_job.sync_detailed(job, client=client)
        if "retry-after" not in answer.headers:
            return good(JobAnswer, answer.parsed)
        assert datetime.now(UTC) < deadline
        time.sleep(0.1)


def send_a_change(client: Client) -> None:
    """One enterprise is written by its code, and read as it was written; dates are dates, null is None."""
    body = EnterpriseBody(
        name="一号（示例）", kind=EnterpriseKind.ENTERPRISE, registered_on=date(2016, 5, 4), closed_on=None,
        district_code="350203008", industry_code=None, supersedes=None,
    )  # fmt: skip
    written = replace_enterprise.sync_detailed("CLIENT-1", client=client, body=body)
    assert written.status_code == 201
    assert good(EnterpriseAnswer, written.parsed) == get_enterprise.sync("CLIENT-1", client=client)
    assert good(EnterpriseAnswer, written.parsed).data.registered_on == date(2016, 5, 4)
    assert replace_enterprise.sync_detailed("CLIENT-1", client=client, body=body).status_code == 200


def build_a_snapshot(client: Client) -> None:
    """A snapshot is built by a job, which names it."""
    accepted = good(AcceptedJobAnswer, create_snapshot.sync(client=client, body=SnapshotBody(as_of=date(2016, 9, 30))))
    job = finished(client, accepted.data.job_id).data
    assert job.state is JobState.SUCCEEDED, job.problem
    assert job.snapshot is not None
    assert job.snapshot.startswith("20160930-")


def ask_with_a_key(client: Client, closed: str) -> None:
    """A service that answers nobody without a key answers a key sent as bearer, and no other."""
    with Client(closed) as unknown:
        assert good(Problem, list_district_statistics.sync(client=unknown)).status == 401
    body = KeyBody(name="generated client", rights=[KeyRight.READ], districts=[SIMING], days=1)
    key = good(NewApiKeyAnswer, create_api_key.sync(client=client, body=body)).data
    with AuthenticatedClient(closed, token=key.token) as known:
        page = good(DistrictStatisticsPage, list_district_statistics.sync(client=known, parent=SIMING))
        firm = good(
            EnterpriseStatisticsPage, list_enterprise_statistics.sync(client=known, district=[SIMING], limit=1)
        ).data[0]
        assert page.data
        good(EnterpriseStatisticsAnswer, get_enterprise_statistics.sync(firm.enterprise.code, client=known))
    with AuthenticatedClient(closed, token=f"{key.token[:-1]}x") as stranger:
        assert good(Problem, list_district_statistics.sync(client=stranger)).status == 401
