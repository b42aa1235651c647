"""One catalogue: its sets, the columns of the SQL texts, of the snapshot's files and of the answers are equal."""

import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyarrow import feather

from app.catalogue.dimensions import BASES, DIMENSIONS
from app.catalogue.measures import (
    BRANCH_MEASURES,
    ENTERPRISE_MEASURES,
    MEASURE,
    MEASURES,
    ROW_MEASURES,
    SHOWN,
    Grain,
    Measure,
)
from app.catalogue.metrics import BRANCH_METRICS, ENTERPRISE_METRICS, METRIC, METRICS, Interval
from app.catalogue.vocabulary import Basis, DistrictLevel, IndustryLevel
from app.config import Thresholds
from app.database.engines import make_sync_engine
from app.snapshots.facts import Parameters, statement
from app.store.shelf import Shelf
from tests.factories.lineage import lend_lineage, take_steps
from tests.factories.tiny import Figures, Tiny
from tests.reference import measures as reference
from tests.reference import rates as reference_rates

SUMMED = [measure.code for measure in ROW_MEASURES]
PUBLIC = [measure.code for measure in MEASURES if measure.public]
SIDES = [f"{side}_{measure.code}" for side in ("own", "subtree") for measure in BRANCH_MEASURES]

STATE = {
    *("code", "name", "kind", "registered_on", "closed_on", "district_code", "industry_code", "ownership"),
    *(
        "sector",
        "effectively_organised",
        "size_class",
        "reported_on",
        "fixed_premises",
        "above_designated_size",
        "operating",
        "is_surveyed",
    ),
    *("is_above_size", "organised", "standalone", "reached_by_dual", "work_reached", "eligible"),
}
"""What an enterprise is, beside its measures."""

WITHOUT_DUAL = "members_without_dual"
"""Open members of an enterprise who take part in no dual affiliation: what its workplaces show."""

BESIDE = {"members_withheld", "members_registered", WITHOUT_DUAL}
"""Counts that are summed into another table, compared for data quality, or shown beside workplaces."""

FLAGS = {
    *("operating", "fixed_premises", "above_designated_size", "organised", "standalone", "reached_by_dual"),
    *("work_reached", "eligible", "effectively_organised"),
}
PLACED = {
    *("code", "name", "district", "industry", "kind", "ownership", "size_class", "registered_on", "closed_on"),
    *("reported_on", "bases", "sector"),
}
BRANCH = {
    *("code", "name", "kind", "form", "parent_code", "district_code", "dual_affiliation", "industry_code"),
    *("industry_group", "established_on"),
}


@pytest.fixture(scope="module")
def figures(tiny: Tiny) -> Figures:
    return tiny.hold(
        enterprises="""
            code, district_code
            A,    wucun
            """,
        branches="""
            code
            B
            """,
    ).at(anonymous="public")


def columns_of_text(url: str, name: str) -> list[str]:
    engine = make_sync_engine(url)
    with engine.connect() as connection:
        parameters = Parameters(date(2017, 6, 30), Thresholds(), "register")
        lend_lineage(connection)
        take_steps(connection, parameters)
        columns = list(connection.exec_driver_sql(statement(name, parameters)).keys())
    engine.dispose()
    return columns


def test_the_text_of_enterprises_states_every_measure_when_the_catalogue_has_it(shared_url: str) -> None:
    found = Counter(columns_of_text(shared_url, "enterprises"))
    assert found == Counter([*STATE, *BESIDE, *(code for code in SUMMED if code != "enterprises")])  # a row is one


def test_the_text_of_branches_states_every_measure_on_both_sides_when_the_catalogue_has_it(shared_url: str) -> None:
    assert Counter(columns_of_text(shared_url, "branches")) == Counter([*BRANCH, *SIDES])


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("enterprises", [*PLACED, *FLAGS, *SUMMED, WITHOUT_DUAL]),
        ("branches", [*BRANCH, *SIDES]),
        ("totals", ["basis", "dimension", "node", *SUMMED]),
        ("cells", ["basis", "district", "industry", *SUMMED]),
        ("withheld", ["county", "section", "registered", "operating"]),
    ],
)
def test_a_file_holds_every_measure_when_the_catalogue_has_it(figures: Figures, table: str, columns: list[str]) -> None:
    folder = figures.asker.root / figures.snapshot
    assert Counter(feather.read_table(folder / f"{table}.arrow").column_names) == Counter(columns)


@pytest.mark.parametrize(
    ("table", "labels"),
    [
        ("places", ["district", "industry"]),
        ("totals", ["basis", "dimension", "node"]),
        ("cells", ["basis", "district", "industry"]),
    ],
)
def test_a_protected_file_holds_what_is_public_when_the_catalogue_has_it(
    figures: Figures, table: str, labels: list[str]
) -> None:
    folder = next(folder for folder in (figures.asker.root.parent / "public").iterdir())
    beside = ["headcount_matched_squared", SHOWN]  # what intervals rest on
    assert Counter(feather.read_table(folder / f"{table}.arrow").column_names) == Counter([*labels, *PUBLIC, *beside])


def test_a_protected_manifest_says_what_is_public_when_built(figures: Figures) -> None:
    can = Shelf(figures.asker.root.parent / "public").newest().manifest.capabilities
    assert list(can.measures) == PUBLIC
    assert list(can.metrics) == [metric.code for metric in METRICS if metric.public]
    assert list(can.bases) == [basis.code for basis in BASES if basis.public]
    public = [dimension.code for dimension in DIMENSIONS if dimension.public]
    assert public == ["district", "industry", "industry_group"]
    assert (can.filters, can.subjects) == ((), ("districts", "industries", "industry-groups"))


def test_the_manifest_says_what_can_be_answered_when_built(figures: Figures) -> None:
    capabilities = figures.asker.shelf.get(figures.snapshot).manifest.capabilities
    assert list(capabilities.measures) == [measure.code for measure in MEASURES]
    assert list(capabilities.metrics) == [metric.code for metric in METRICS]
    assert list(capabilities.bases) == [basis.code for basis in BASES] == list(Basis)
    assert list(capabilities.district_levels) == list(DistrictLevel)
    assert list(capabilities.industry_levels) == list(IndustryLevel)


def test_an_answer_holds_every_measure_and_metric_when_the_catalogue_has_it(figures: Figures) -> None:
    for subject, code in (("districts", "siming"), ("industries", "I")):
        row = figures.one(subject, code)
        assert list(row["counts"]) == [measure.code for measure in MEASURES]
        assert list(row["rates"]) == [metric.code for metric in METRICS]
    enterprise = figures.one("enterprises", "A")
    assert list(enterprise["counts"]) == [measure.code for measure in ENTERPRISE_MEASURES]
    assert list(enterprise["rates"]) == [metric.code for metric in ENTERPRISE_METRICS]
    branch = figures.one("branches", "B")
    for side in ("own", "subtree"):
        assert list(branch[side]["counts"]) == [measure.code for measure in BRANCH_MEASURES]
        assert list(branch[side]["rates"]) == [metric.code for metric in BRANCH_METRICS]


def test_the_reference_counts_the_same_sets_when_the_catalogue_has_them() -> None:
    assert set(reference.MEASURES) == {measure.code for measure in MEASURES}
    assert set(reference.PERSON_MEASURES) == {measure.code for measure in ENTERPRISE_MEASURES}
    assert set(reference.BRANCH_MEASURES) == {measure.code for measure in BRANCH_MEASURES}
    assert {measure.code for measure in MEASURES if measure.register_only} == reference.REGISTER_ONLY
    assert set(reference_rates.METRICS) == {metric.code for metric in METRICS}
    assert set(reference_rates.PERSON_METRICS) == {metric.code for metric in ENTERPRISE_METRICS}
    assert set(reference_rates.BRANCH_METRICS) == {metric.code for metric in BRANCH_METRICS}


SPECIFICATION = [path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]


@pytest.mark.parametrize("code", [*MEASURE, *(measure.code for measure in BRANCH_MEASURES), *METRIC, *Basis])
def test_a_measure_metric_or_basis_has_its_case_when_the_catalogue_has_it(code: str) -> None:
    named = [path.name for path in SPECIFICATION if re.search(rf"\b{code}\b", path.read_text(encoding="utf-8"))]
    assert named, f"no file of the specification names {code}"


@pytest.mark.parametrize("metric", METRIC.values(), ids=list(METRIC))
def test_a_metric_is_made_of_declared_measures_when_declared(metric: Any) -> None:
    declared = MEASURE if metric in METRICS else {measure.code: measure for measure in BRANCH_MEASURES}
    parts = {*metric.parts, *metric.companions, *metric.companions_less, *(metric.unknown_of)}
    assert parts <= set(declared)
    assert metric.numerator
    assert metric.denominator
    if metric.of_enterprise:
        beside = {part for part in metric.parts if part.endswith(("_matched", "_known"))}
        assert set(metric.parts) - beside <= {one.code for one in ENTERPRISE_MEASURES}
    assert metric.public == all(declared[part].public for part in metric.parts)
    if metric.interval is Interval.CLUSTERED:
        assert metric.denominator == ("headcount_matched",)
    if metric.interval is Interval.WHOLE_FIRMS:
        assert metric.denominator == ("headcount",)


@pytest.mark.parametrize("measure", [*MEASURES, *BRANCH_MEASURES], ids=lambda measure: measure.code)
def test_a_measure_is_a_headline_figure_unless_others_are_worked_out_from_it(measure: Measure) -> None:
    code = measure.code
    worked_out_from = (
        code.endswith(("_unknown", "_known", "_squared"))
        or (code.endswith("_matched") and code not in {"members_matched", "headcount_matched"})
        or code == "members_max"
        or code.startswith("enterprises_eligible_")
    )
    assert measure.headline is not worked_out_from


def test_codes_and_labels_are_given_once_when_declared() -> None:
    for declared in (MEASURES, BRANCH_MEASURES, METRICS, BRANCH_METRICS, BASES):
        assert len({one.code for one in declared}) == len(declared)
        for language in ("zh", "en"):
            assert len({getattr(one.label, language) for one in declared}) == len(declared)
            assert all(getattr(one.label, language).strip() for one in declared)
        assert all(one.definition.endswith(".") for one in declared)


def test_unknown_parts_are_counted_beside_when_a_share_leaves_them_out() -> None:
    for metric in METRICS:
        if metric.code == "turnover":
            assert metric.less == ("members_joined",)  # not yet here at the beginning
            continue
        assert set(metric.less) <= {
            f"{part}_unknown" for part in (*metric.numerator, "enterprises_members", "enterprises_activity")
        }
    of_places = [measure.code for measure in MEASURES if measure.grain is Grain.COUNTY_SECTION]
    assert of_places == ["members_withheld"]
