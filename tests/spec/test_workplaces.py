"""Workplaces of a branch, and how enterprises stand to it: participating, covered, unreached."""

import tempfile
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given

from app.errors import InvalidRequest
from app.statistics.aggregates import SubjectNotFound
from tests.factories.asking import Asker
from tests.factories.loading import fill
from tests.factories.questions import codes
from tests.factories.registries import dated_registries
from tests.factories.tiny import Figures, Tiny
from tests.lengths import at_length, same_examples
from tests.reference.answers import Reference
from tests.reference.questions import DIMENSIONS_OF
from tests.reference.registry import Registry
from tests.reference.workplaces import workplaces
from tests.spec.test_random_registries import same

EXAMPLES = {"sqlite": at_length(20, 4), "postgresql": at_length(5, 2)}
LEVELS = [by for by, dimension in DIMENSIONS_OF.items() if dimension in ("district", "industry")]

JOINT = {
    "enterprises": """
        code,  district_code, industry_code, closed_on
        bare,  wucun,         64,
        half,  jialian,       641,
        own,   jiangtou,      65,
        gone,  wucun,         64,            2017-01-01
        """,
    "returns": """
        enterprise_code, reported_on, headcount
        bare,            2017-06-30,  10
        half,            2017-06-30,  10
        own,             2017-06-30,  10
        """,
    "branches": """
        code, kind,      parent_code, district_code, dual_affiliation, industry_code
        B,    branch,    ,            siming,        false,
        J,    committee, ,            siming,        true,             64
        F1,   branch,    J,           wucun,         true,
        F2,   branch,    J,           wucun,         true,
        """,
    "coverage": """
        enterprise_code, branch_code, means
        own,             F1,          joint
        half,            B,           liaison
        """,
    "members": """
        ref, identity
        m1,  open
        m2,  open
        m3,  open
        m4,  open
        m5,  withheld
        m6,  open
        m7,  open
        m8,  open
        """,
    "employments": """
        member_ref, enterprise_code
        m1,         bare
        m2,         half
        m3,         half
        m4,         own
        m5,         bare
        m6,         gone
        m8,         bare
        """,
    "affiliations": """
        member_ref, branch_code, role
        m1,         F1,          secondary
        m1,         F2,          secondary
        m2,         F2,          secondary
        m4,         F1,          primary
        m5,         F1,          secondary
        m6,         F1,          secondary
        m7,         F1,          primary
        m8,         B,           primary
        """,
}
"""Of those who take part below J: m1 at bare, in both; m2 at half; m4, by a primary affiliation, at own; m5 withheld,
m6's firm has closed, m7 works nowhere. m3 and m8 take part in no dual affiliation."""


@pytest.fixture(scope="module")
def figures(tiny: Tiny) -> Figures:
    return tiny.hold(**JOINT).at()


def asked(figures: Figures, branch: str, **params: str) -> dict[str, Any]:
    return figures.asker.workplaces(branch, params, figures.snapshot)


def test_members_are_told_by_enterprise_when_a_joint_branch_is_asked(figures: Figures) -> None:
    found = asked(figures, "J")
    rows = [(one["enterprise"]["code"], one["members"], one["members_without_dual"]) for one in found["data"]]
    assert rows == [("bare", 1, 1), ("half", 1, 1), ("own", 1, 1)]  # m8; m3; m4, whose affiliation is primary
    assert (found["elsewhere"], found["no_employer"], found["unallocated"]) == (2, 1, None)  # m5 and m6; m7
    one = figures.asker.one("branches", "J", {}, figures.snapshot)["data"]["subtree"]["counts"]
    assert one["members_participating"] == 1 + 1 + 1 + 2 + 1


def test_rows_are_of_a_level_when_one_is_asked(figures: Figures) -> None:
    found = asked(figures, "J", by="street")
    assert [(one["district"]["code"], one["members"]) for one in found["data"]] == [
        ("jialian", 1), ("jiangtou", 1), ("wucun", 1),
    ]  # fmt: skip
    found = asked(figures, "J", by="group")
    assert [(one["industry"]["code"], one["members"]) for one in found["data"]] == [("641", 1)]
    assert (found["unallocated"], found["elsewhere"], found["no_employer"]) == (1 + 1, 2, 1)


def test_nothing_is_told_when_nobody_takes_part_by_a_secondary_affiliation(figures: Figures) -> None:
    found = asked(figures, "B")
    assert (found["data"], found["elsewhere"], found["no_employer"], found["unallocated"]) == ([], None, None, None)
    with pytest.raises(SubjectNotFound):
        asked(figures, "nobody")


@pytest.mark.parametrize(
    ("relation", "branch", "expected"),
    [
        ("participating", "J", ["bare", "half"]),  # m4's affiliation is primary
        ("participating", "F1", ["bare"]),
        ("covered", "J", ["own"]),
        ("covered", "B", []),  # a liaison is no organisation
        ("unreached", "J", ["bare", "half"]),  # in Siming, of industry 64; m8, m3
        ("unreached", "F1", ["bare"]),  # in Wucun
        ("unreached", None, ["bare", "half"]),  # `own` is organised
    ],
)
def test_enterprises_are_listed_by_their_relation_when_a_branch_is_named(
    figures: Figures, relation: str, branch: str | None, expected: list[str]
) -> None:
    params = {"relation": relation} | ({} if branch is None else {"branch": branch})
    found = figures.asker.list("enterprises", params, figures.snapshot)
    assert [one["enterprise"]["code"] for one in found["data"]] == expected


def test_a_branch_is_refused_when_it_does_not_live(figures: Figures) -> None:
    for relation in ("participating", "covered", "unreached"):
        with pytest.raises(InvalidRequest, match="branch 'nobody'"):
            figures.asker.list("enterprises", {"relation": relation, "branch": "nobody"}, figures.snapshot)


def test_workplaces_equal_the_reference_when_registries_are_random(tiny: Tiny) -> None:
    @same_examples(EXAMPLES[tiny.url.partition("+")[0]])
    @given(dated_registries())
    def compare(drawn: tuple[Registry, date]) -> None:
        registry, as_of = drawn
        fill(tiny.url, registry)
        random = Random(repr(drawn))
        with tempfile.TemporaryDirectory() as folder:
            for source in ("register", "returns"):
                asker = Asker(tiny.url, Path(folder), member_source=source)
                snapshot, reference = asker.build(as_of), Reference(registry, as_of, member_source=source)
                for branch in codes(registry, "branches", as_of):
                    params = {} if random.random() < 0.5 else {"by": random.choice(LEVELS)}
                    found = asker.workplaces(branch, params, snapshot, random.choice((2, 1000)))
                    same(found, workplaces(reference, branch, params), f"{branch} {params}")

    compare()
