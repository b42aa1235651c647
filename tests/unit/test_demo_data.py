import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from app.demo.files import DatasetFile
from app.demo.siming import SIMING_DATES, write_siming
from app.imports.columns import Kind
from app.imports.datasets import DATASETS
from app.registry.credit_code import is_valid
from tests.factories.demo_files import header, read_registry
from tests.reference.registry import Registry
from tests.reference.rules import violations

FOUNDED_ON = date(2017, 6, 25)
BEFORE, AFTER = date(2017, 3, 31), date(2017, 9, 30)
ORGANISATION_MEANS = {"standalone", "joint", "area", "industry", "attached"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[DatasetFile]:
    return write_siming(tmp_path_factory.mktemp("siming"))


@pytest.fixture(scope="module")
def registry(files: list[DatasetFile]) -> Registry:
    return read_registry(files)


def lives(row: dict[str, Any], day: date, first: str = "start_on", end: str = "end_on") -> bool:
    return (row[first] is None or row[first] <= day) and (row[end] is None or day < row[end])


@dataclass(frozen=True)
class Picture:
    """Figures of the operating enterprises of a kind as of a day, as the domain defines them."""

    registered: int
    enterprises: int
    organised: int
    reached_by_dual: int
    work_only: int
    members: int
    headcount: int
    unorganised_members: int
    reached_members: int


def picture(registry: Registry, day: date, *, internet: bool | None) -> Picture:
    latest: dict[str, dict[str, Any]] = {}
    for row in sorted(registry["returns"], key=lambda row: row["reported_on"]):
        if row["reported_on"] <= day:
            latest[row["enterprise_code"]] = row
    registered = {
        row["code"]
        for row in registry["enterprises"]
        if lives(row, day, "registered_on", "closed_on") and is_of(registry, row, latest.get(row["code"]), internet)
    }
    operating = {code for code in registered if code in latest and latest[code]["operating"] is not False}
    branches = {row["code"] for row in registry["branches"] if lives(row, day, "established_on", "dissolved_on")}
    living = [row for row in registry["coverage"] if lives(row, day)]
    organised = operating & {
        row["enterprise_code"]
        for row in living
        if row["means"] in ORGANISATION_MEANS and row["branch_code"] in branches
    }
    worked = {row["enterprise_code"] for row in living if row["means"] not in ORGANISATION_MEANS}
    at_work, dual = workers(registry, day), dual_members(registry, day)
    reached = {code for code in operating - organised if at_work[code] & dual}
    matched = {code for code in operating if latest[code]["headcount"] is not None}
    return Picture(
        registered=len(registered),
        enterprises=len(operating),
        organised=len(organised),
        reached_by_dual=len(reached),
        work_only=len((operating & worked) - organised - reached),
        members=sum(len(at_work[code]) for code in matched),
        headcount=sum(latest[code]["headcount"] for code in matched),
        unorganised_members=sum(len(at_work[code]) for code in operating - organised),
        reached_members=sum(len(at_work[code] & dual) for code in reached),
    )


def is_of(registry: Registry, enterprise: dict[str, Any], state: dict[str, Any] | None, internet: bool | None) -> bool:
    group = tuple(row["industry_code"] for row in registry["industry-groups"] if row["group_code"] == "internet")
    industry = (state or {}).get("industry_code") or enterprise["industry_code"] or ""
    return internet is None or industry.startswith(group) == internet


def living_members(registry: Registry, day: date) -> set[str]:
    return {row["ref"] for row in registry["members"] if lives(row, day, "joined_on", "left_on")}


def workers(registry: Registry, day: date) -> dict[str, set[str]]:
    withheld = {row["ref"] for row in registry["members"] if row["identity"] == "withheld"}
    known = living_members(registry, day) - withheld
    at_work: dict[str, set[str]] = defaultdict(set)
    for row in registry["employments"]:
        if lives(row, day) and row["member_ref"] in known:
            at_work[row["enterprise_code"]].add(row["member_ref"])
    return at_work


def dual_members(registry: Registry, day: date) -> set[str]:
    affiliations = [row for row in registry["affiliations"] if row["role"] == "secondary" and lives(row, day)]
    return {row["member_ref"] for row in affiliations} & living_members(registry, day)


def test_siming_comes_in_import_order_when_written(files: list[DatasetFile]) -> None:
    order = [name for name in DATASETS if name not in {"industries", "ledger"}]
    assert [file.dataset for file in files] == order


def test_siming_has_the_datasets_columns_when_written(files: list[DatasetFile]) -> None:
    for file in files:
        assert header(file) == [column.name for column in DATASETS[file.dataset].columns]


def test_siming_is_byte_identical_when_written_again(files: list[DatasetFile], tmp_path: Path) -> None:
    again = write_siming(tmp_path)
    assert [file.path.read_bytes() for file in again] == [file.path.read_bytes() for file in files]


def test_siming_breaks_no_rule_when_read(registry: Registry) -> None:
    assert violations(registry, date(2017, 12, 31)) == []


def test_siming_uses_known_values_when_a_column_is_an_enumeration(registry: Registry) -> None:
    for name, rows in registry.items():
        for column in DATASETS[name].columns:
            if column.kind is Kind.ENUMERATION:
                assert {row[column.name] for row in rows} <= {*column.choices, None}


def test_siming_has_the_intended_size_when_counted(registry: Registry) -> None:
    assert len(registry["enterprises"]) == 295
    assert len(registry["members"]) == 1370
    assert sorted({row["reported_on"] for row in registry["returns"]}) == [date(2015, 6, 30), *SIMING_DATES]
    assert [picture(registry, day, internet=True).registered for day in (BEFORE, AFTER)] == [90, 90]
    assert sum(row["identity"] == "withheld" for row in registry["members"]) == 12


def test_organisation_coverage_stays_when_the_joint_committee_is_founded(registry: Registry) -> None:
    days = [BEFORE, *SIMING_DATES[3:]]
    internet = [picture(registry, day, internet=True) for day in days]
    assert [(one.organised, one.enterprises) for one in internet] == [(9, 80)] * 3
    district = [picture(registry, day, internet=None) for day in days]
    assert [(one.organised, one.enterprises) for one in district] == [(125, 269)] * 3


def test_dual_reach_rises_when_the_joint_committee_is_founded(registry: Registry) -> None:
    internet = [picture(registry, day, internet=True) for day in SIMING_DATES]
    assert [one.reached_by_dual for one in internet] == [0, 0, 0, 53, 54]
    assert [one.reached_members for one in internet] == [0, 0, 0, 129, 143]
    assert [one.unorganised_members for one in internet][2:] == [188, 188, 182]
    work_coverage = [one.organised + one.reached_by_dual + one.work_only for one in internet]
    assert work_coverage == [9 + 0 + 12, 9 + 0 + 12, 9 + 0 + 14, 9 + 53 + 3, 9 + 54 + 4]


def test_the_internet_has_half_the_member_ratio_when_compared_with_the_rest(registry: Registry) -> None:
    for day in SIMING_DATES:
        internet, rest = (picture(registry, day, internet=side) for side in (True, False))
        relative = (internet.members / internet.headcount) / (rest.members / rest.headcount)
        assert 0.4 < relative < 0.55


def test_the_joint_committee_has_seven_branches_when_founded(registry: Registry) -> None:
    joint = [row for row in registry["branches"] if row["parent_code"] == "SM-NET"]
    assert Counter(row["form"] for row in joint) == {"functional": 7}
    assert all(row["dual_affiliation"] and row["established_on"] == FOUNDED_ON for row in joint)
    assert dual_members(registry, date(2017, 6, 24)) == set()
    assert [len(dual_members(registry, day)) for day in SIMING_DATES[3:]] == [203, 246]
    members = {row["member_ref"] for row in registry["affiliations"] if row["role"] == "secondary"}
    assert 200 < len(members) < 300
    homes = {row["branch_code"] for row in registry["affiliations"] if row["role"] == "primary"}
    assert not homes & {row["code"] for row in joint}


def test_returns_agree_roughly_with_the_register_when_compared(registry: Registry) -> None:
    at_work = workers(registry, AFTER)
    stated = {
        row["enterprise_code"]: row["members"]
        for row in registry["returns"]
        if row["reported_on"] == AFTER and row["members"] is not None
    }
    differences = [members - len(at_work[code]) for code, members in stated.items()]
    assert {abs(difference) for difference in differences} == {0, 1}
    assert 0.05 < sum(difference != 0 for difference in differences) / len(differences) < 0.2


def test_only_intended_warnings_arise_when_checked(registry: Registry) -> None:
    enterprises = {row["code"]: row for row in registry["enterprises"]}
    assert sum(not is_valid(code) for code in enterprises) == 1
    assert sum((row["members"] or 0) > (row["headcount"] or 10**9) for row in registry["returns"]) == 0
    for row in registry["returns"]:
        assert lives(enterprises[row["enterprise_code"]], row["reported_on"], "registered_on", "closed_on")
    for row in registry["employments"]:
        enterprise = enterprises[row["enterprise_code"]]
        assert row["start_on"] >= enterprise["registered_on"]
        assert enterprise["closed_on"] is None or row["end_on"] <= enterprise["closed_on"]


def test_one_headcount_jumps_when_compared_with_the_other_returns(registry: Registry) -> None:
    known: dict[str, list[int]] = defaultdict(list)
    for row in registry["returns"]:
        if row["headcount"] is not None:
            known[row["enterprise_code"]].append(row["headcount"])
    outliers = [
        (count, sorted(counts))
        for counts in known.values()
        for nth, count in enumerate(counts)
        if is_jump(count, counts[:nth] + counts[nth + 1 :])
    ]
    assert len(outliers) == 1
    assert outliers[0][0] == outliers[0][1][-1]


def is_jump(count: int, others: list[int]) -> bool:
    if len(others) < 4:
        return False
    middle = median(others)
    deviation = median(abs(other - middle) for other in others)
    extreme = deviation == 0 or 0.6745 * abs(count - middle) / deviation > 3.5
    return extreme and not middle / 3 <= count <= middle * 3


def test_the_odd_enterprises_are_there_when_looked_for(registry: Registry) -> None:
    enterprises = registry["enterprises"]
    states: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in registry["returns"]:
        states[row["enterprise_code"]].append(row)
    assert sum(row["closed_on"] is not None for row in enterprises) == 1
    assert sum(row["code"] not in states for row in enterprises) == 23
    assert counted(states.values(), lambda rows: all(row["headcount"] is None for row in rows)) == 1
    assert counted(states.values(), lambda rows: all(row["members"] is None for row in rows)) == 1
    assert counted(states.values(), lambda rows: max(row["reported_on"] for row in rows) < date(2016, 1, 1)) == 1
    assert counted(states.values(), lambda rows: not any(row["operating"] for row in rows)) == 2
    moved = [{row["district_code"] for row in rows} for rows in states.values()]
    assert [places for places in moved if len(places) > 1] == [{"350203010", "350203008-01"}]
    unclassified = {row["code"] for row in enterprises if row["industry_code"] is None}
    unplaced = {row["code"] for row in enterprises if row["district_code"] is None}
    assert [len(unclassified), len(unplaced)] == [1, 1]
    assert not any(row["industry_code"] for code in unclassified for row in states[code])
    assert not any(row["district_code"] for code in unplaced for row in states[code])


def counted(groups: Iterable[list[dict[str, Any]]], test: Any) -> int:
    return sum(bool(test(rows)) for rows in groups)


def test_a_sector_is_younger_than_its_members_when_catering_is_looked_at(registry: Registry) -> None:
    catering = {row["code"] for row in registry["enterprises"] if (row["industry_code"] or "").startswith("62")}
    rows = [row for row in registry["returns"] if row["reported_on"] == AFTER and row["enterprise_code"] in catering]
    stated = [row for row in rows if row["headcount_under_36"] is not None and row["members_under_36"] is not None]
    staff = sum(row["headcount_under_36"] for row in stated) / sum(row["headcount"] for row in stated)
    members = sum(row["members_under_36"] for row in stated) / sum(row["members"] for row in stated)
    assert (members < 0.4, staff > 0.7) == (True, True)


def test_some_branches_meet_and_some_do_not_when_a_year_is_added_up(registry: Registry) -> None:
    met: dict[str, int] = defaultdict(int)
    for row in registry["branch-returns"]:
        if date(2016, 9, 30) < row["period_on"] <= AFTER:
            met[row["branch_code"]] += row["meetings"]
    branches = [row for row in registry["branches"] if row["kind"] == "branch"]
    living = {row["code"] for row in branches if lives(row, AFTER, "established_on", "dissolved_on")}
    told = Counter("silent" if code not in met else "active" if met[code] >= 4 else "inactive" for code in living)
    assert min(told["silent"], told["inactive"]) > 5
    assert told["active"] > 0.7 * len(living)
    assert met["SM-NET-1"] >= 4 > met["SM-NET-5"]  # of the joint committee's branches, founded three months ago


def test_months_lie_in_the_lives_of_their_branches_when_branches_return_them(registry: Registry) -> None:
    branches = {row["code"]: row for row in registry["branches"]}
    for row in registry["branch-returns"]:
        branch = branches[row["branch_code"]]
        assert branch["kind"] == "branch"
        assert branch["established_on"] is None or row["period_on"] >= branch["established_on"].replace(day=1)
        assert branch["dissolved_on"] is None or row["period_on"] < branch["dissolved_on"]


def test_nobody_is_named_when_members_are_read(files: list[DatasetFile]) -> None:
    path = next(file.path for file in files if file.dataset == "members")
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert all(re.fullmatch(r"p-[0-9a-f]{10}", row["ref"]) for row in rows)
    assert all(value.isascii() for row in rows for value in row.values())
    assert [row["ref"] for row in rows] == sorted(row["ref"] for row in rows)


def test_names_say_that_they_are_invented_when_read(registry: Registry) -> None:
    names = [row["name"] for dataset in ("enterprises", "branches") for row in registry[dataset]]
    assert all(name.endswith("（示例）") for name in names)
    assert len(set(names)) == len(names)


def test_attributes_of_members_are_partly_unknown_when_counted(registry: Registry) -> None:
    for column in ("birth_year", "sex", "education"):
        unknown = sum(row[column] is None for row in registry["members"]) / len(registry["members"])
        assert 0.01 < unknown < 0.08
