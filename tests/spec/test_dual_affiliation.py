"""Dual affiliation: who takes part where, margins of distinct members, and what it adds to coverage."""

import json
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from app.catalogue.analyses import Analysis
from app.publication import dual_affiliation as dual_affiliation_publication
from app.publication import lists
from app.publication.dual_affiliation import dual_affiliation_answer
from app.statistics.question import AsOf, Page, Question, Subject
from tests.factories.asking import Asker, Params, Reader, population_of, told
from tests.factories.loading import fill
from tests.factories.questions import SEEDS, draw_conditions
from tests.factories.registries import CellWriter, dated_registries
from tests.factories.tiny import Figures, Tiny
from tests.lengths import at_length, same_examples
from tests.reference.answers import Reference
from tests.reference.dual_affiliation import dual_affiliation
from tests.reference.registry import Registry

EXAMPLES = {"sqlite": at_length(20, 6), "postgres": at_length(5, 3)}

JOINT = {
    "enterprises": """
        code,   district_code, industry_code
        bare,   wucun,         64
        helped, jialian,       64
        own,    wucun,         65
        """,
    "returns": """
        enterprise_code, reported_on, headcount
        bare,            2017-06-30,  10
        helped,          2017-06-30,  10
        own,             2017-06-30,  10
        """,
    "branches": """
        code, kind,      parent_code, district_code, dual_affiliation
        C,    committee, ,            siming,        false
        B,    branch,    C,           siming,        false
        J,    committee, ,            wucun,         true
        F1,   branch,    J,           wucun,         true
        F2,   branch,    J,           jialian,       true
        """,
    "coverage": """
        enterprise_code, branch_code, means
        helped,          ,            instructor
        own,             B,           joint
        """,
    "members": """
        ref
        m1
        m2
        m3
        m4
        """,
    "employments": """
        member_ref, enterprise_code
        m1,         bare
        m2,         helped
        m3,         helped
        m4,         own
        """,
    "affiliations": """
        member_ref, branch_code, role
        m1,         B,           primary
        m1,         F1,          secondary
        m1,         F2,          secondary
        m2,         B,           primary
        m2,         F2,          secondary
        m4,         F1,          secondary
        """,
}
"""m1 takes part in both functional branches, m2 in one, m4 in one without a primary branch; m3 in none."""


@pytest.fixture(scope="module")
def joint(tiny: Tiny) -> Figures:
    return tiny.hold(**JOINT).at()


def test_the_answer_is_the_same_when_it_comes_in_pieces(joint: Figures, monkeypatch: pytest.MonkeyPatch) -> None:
    question = Question(Subject.BRANCHES, AsOf(snapshot=joint.snapshot), analysis=Analysis.DUAL_AFFILIATION)
    whole = dual_affiliation_answer(joint.asker.source, question, Page()).body
    monkeypatch.setattr(lists, "_SMALL", 0)
    monkeypatch.setattr(dual_affiliation_publication, "CHUNK", 1)
    pieces = dual_affiliation_answer(joint.asker.source, question, Page()).body
    assert isinstance(whole, bytes)
    assert not isinstance(pieces, bytes)
    made = list(pieces)
    assert b"".join(made) == whole
    assert sum(b'"members":' in piece for piece in made) > len(json.loads(whole)["data"]["matrix"])


def asked(reader: Reader, snapshot: str, params: Params) -> dict[str, Any]:
    """The answer, with codes for branches and pairs for rates."""
    question = Question(
        Subject.BRANCHES, AsOf(snapshot=snapshot), population_of(params), analysis=Analysis.DUAL_AFFILIATION
    )
    data = told(dual_affiliation_answer(reader.source, question, Page()))["data"]
    uplift = data["uplift"]
    return {
        "matrix": [(code_of(one["home"]), code_of(one["joint_branch"]), one["members"]) for one in data["matrix"]],
        "homes": [(code_of(one["home"]), one["members"]) for one in data["homes"]],
        "joint_branches": [(code_of(one["joint_branch"]), one["members"]) for one in data["joint_branches"]],
        "members": data["members"],
        "uplift": {
            **{
                name: tuple(parts(uplift[name][side]) for side in ("without_dual", "with_dual"))
                for name in ("organisation_coverage", "work_coverage")
            },
            "dual_reach": parts(uplift["dual_reach"]),
            "members_unreached": uplift["members_unreached"],
        },
    }


def code_of(branch: dict[str, str] | None) -> str | None:
    return None if branch is None else branch["code"]


def parts(rate: dict[str, Any]) -> tuple[int, int]:
    return rate["numerator"], rate["denominator"]


def test_margins_count_a_member_once_when_two_joint_branches_have_it(joint: Figures) -> None:
    found = asked(joint.asker, joint.snapshot, {})
    # B has no committee of its own, C above it is one: the home of m1 and m2. m4 has no primary branch.
    assert found["matrix"] == [("C", "F1", 1), ("C", "F2", 2), (None, "F1", 1)]
    assert found["homes"] == [("C", 2), (None, 1)]  # m1 once, though the cells of C add up to 3
    assert found["joint_branches"] == [("F1", 2), ("F2", 2)]
    assert found["members"] == 3


def test_only_joint_branches_of_the_districts_count_when_some_are_asked_for(joint: Figures) -> None:
    found = asked(joint.asker, joint.snapshot, {"district": "wucun"})
    assert found["matrix"] == [("C", "F1", 1), (None, "F1", 1)]
    assert found["homes"] == [("C", 1), (None, 1)]
    assert found["members"] == 2
    assert asked(joint.asker, joint.snapshot, {"district": "siming"})["members"] == 3
    assert asked(joint.asker, joint.snapshot, {"district": "huli"})["matrix"] == []
    nested = asked(joint.asker, joint.snapshot, {"district": ["siming", "wucun"]})
    assert nested == asked(joint.asker, joint.snapshot, {"district": "siming"})  # each counts once
    both = asked(joint.asker, joint.snapshot, {"district": ["jialian", "wucun"]})
    assert both["homes"] == [("C", 2), (None, 1)]  # m1 takes part in either, and counts once
    assert both["members"] == 3


def test_uplift_keeps_whoever_a_work_means_reaches_when_dual_affiliation_is_taken_away(joint: Figures) -> None:
    uplift = asked(joint.asker, joint.snapshot, {})["uplift"]
    # own is organised; bare is reached by m1, helped by m2 and by an instructor besides.
    assert uplift["organisation_coverage"] == ((1, 3), (3, 3))
    assert uplift["work_coverage"] == ((2, 3), (3, 3))
    assert uplift["dual_reach"] == (2, 3)  # m1 and m2 of m1, m2, m3
    assert uplift["members_unreached"] == 3 - 2


def test_uplift_is_of_the_scope_when_an_industry_is_asked_for(joint: Figures) -> None:
    found = asked(joint.asker, joint.snapshot, {"industry": "65"})
    assert found["uplift"]["organisation_coverage"] == ((1, 1), (1, 1))
    assert found["members"] == 3  # of joint branches, which belong to no enterprise's industry


@pytest.fixture
def asker(migrated_url: str, tmp_path: Path) -> Iterator[Asker]:
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        yield Asker(migrated_url, Path(folder))


def test_answers_equal_the_reference_when_registries_are_random(asker: Asker) -> None:
    engine = "sqlite" if asker.settings.registry_url.startswith("sqlite") else "postgres"

    @same_examples(EXAMPLES[engine])
    @given(dated_registries(), SEEDS)
    def compare(drawn: tuple[Registry, date], seed: int) -> None:
        registry, as_of = drawn
        fill(asker.settings.registry_url, registry)
        snapshot = asker.build(as_of)
        reference = Reference(registry, as_of)
        writer = CellWriter(f"{seed}", as_of)
        for params in ({}, draw_conditions(writer, registry, {"district", "industry", "industry_group"})):
            assert asked(asker, snapshot, params) == dual_affiliation(reference, params)

    compare()
