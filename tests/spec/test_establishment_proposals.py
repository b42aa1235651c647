"""Establishment proposals: who gets a branch of their own, who is put together, attached, or left to an instructor."""

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.asking import Asker
from tests.factories.loading import fill
from tests.factories.questions import SEEDS, draw_conditions
from tests.factories.registries import AS_OF, CellWriter, dated_registries
from tests.factories.scattered_firms import scattered_registry
from tests.factories.tiny import DISTRICTS, Figures, Tiny
from tests.lengths import at_length, same_examples
from tests.reference.answers import Reference
from tests.reference.as_of import Thresholds
from tests.reference.establishment_proposals import establishment_proposals
from tests.reference.questions import CONDITIONS
from tests.reference.registry import Registry

EXAMPLES = {"sqlite": at_length(60, 6), "postgres": at_length(10, 3)}
RATES = ("organisation_coverage", "establishment_rate", "employee_coverage")
SITES = f"{DISTRICTS}    huayuan, wucun, site, 花园\n    anbao, wucun, site, 安保大厦\n"


def told(page: dict[str, Any]) -> dict[str, Any]:
    """A page with codes for subjects, and pairs for rates."""
    effects = {
        name: {**{rate: parts(page[name][rate]) for rate in RATES},
               "members_unorganised": page[name]["members_unorganised"]}
        for name in ("before", "after")
    }  # fmt: skip
    named = {"district": code_of, "branch": code_of, "coverage_after": parts}
    rows = [{key: named.get(key, lambda cell: cell)(cell) for key, cell in row.items()} for row in page["data"]]
    return {"data": rows, **effects, "undecided": page["undecided"]}


def code_of(subject: dict[str, str] | None) -> str | None:
    return None if subject is None else subject["code"]


def parts(rate: dict[str, Any]) -> tuple[int, int]:
    return rate["numerator"], rate["denominator"]


def held(tiny: Tiny, firms: str, branches: str = "", covered: str = "", **settings: Any) -> Figures:
    """Figures of firms by code, place, industry and full members, of branches by code, form and place.

    `covered` has branches, each with how many other enterprises it covers: they are placed on the county.
    """
    lines = [[cell.strip() for cell in line.split(",")] for line in firms.strip().splitlines()]
    others = [
        (f"{branch}-{number}", branch)
        for branch, count in (one.split() for one in covered.split(",") if one)
        for number in range(int(count))
    ]
    stated = [*lines, *([code, "siming", "64", "1"] for code, _ in others)]
    return tiny.hold(
        districts=SITES,
        enterprises=table("code", [[code] for code, *_ in stated]),
        returns=table(
            "enterprise_code, reported_on, district_code, industry_code, full_members, members, headcount",
            [[code, "2017-06-30", place, industry, full, full, "10"] for code, place, industry, full in stated],
        ),
        branches=f"code, form, district_code\n{branches}",
        coverage=table("enterprise_code, means, branch_code", [[code, "joint", branch] for code, branch in others]),
    ).at(member_source="returns", **settings)


def table(heading: str, lines: list[list[str]]) -> str:
    return "\n".join([heading, *map(", ".join, lines)])


def asked(figures: Figures, **params: Any) -> dict[str, Any]:
    return told(figures.asker.proposals(params, figures.snapshot))


def rows(figures: Figures) -> list[tuple[Any, ...]]:
    """Kind, district, enterprises and branch of each row."""
    found = asked(figures)["data"]
    return [(row["kind"], row["district"], " ".join(row["enterprises"]), row["branch"]) for row in found]


def test_three_full_members_are_a_branch_and_fewer_are_not(tiny: Tiny) -> None:
    figures = held(tiny, """
        three, jialian, 64, 3
        two,   wucun,   64, 2
        none,  wucun,   64, 0
        """)  # fmt: skip
    # `two` finds neither neighbours nor a branch; `none` has nobody, and is in no row.
    assert rows(figures) == [("standalone", "jialian", "three", None), ("instructor", "wucun", "two", None)]
    assert [row["eligible"] for row in asked(figures)["data"]] == [1, 0]


def test_sites_come_first_and_their_leftovers_go_on_in_the_street(tiny: Tiny) -> None:
    figures = held(tiny, """
        a, yunding, 64, 2
        b, yunding, 64, 1
        c, yunding, 64, 1
        d, wucun,   64, 1
        e, anbao,   64, 1
        f, jialian, 64, 2
        """)  # fmt: skip
    # Yunding: a + b = 3 close a branch, c is left. Anbao: e is left. The street: c + d + e = 3. f is in another one.
    assert rows(figures) == [
        ("joint", "yunding", "a b", None), ("joint", "wucun", "c d e", None), ("instructor", "jialian", "f", None)
    ]  # fmt: skip


def test_neighbours_are_of_one_division_then_have_more_full_members_then_a_smaller_code(tiny: Tiny) -> None:
    figures = held(tiny, """
        a, wucun,    , 1
        b, wucun,   I, 1
        c, wucun,  86, 1
        d, wucun,  65, 1
        e, wucun, 641, 2
        f, wucun,  64, 1
        g, wucun,  64, 1
        """)  # fmt: skip
    # By division: 64 (of 641 too) e 2, f 1, g 1; 65 d; 86 c; I, which names no division, b; none a.
    # e + f = 3; g + d + c = 3; b and a, 1 + 1, are left and join it, since 3 + 2 are at most five.
    assert rows(figures) == [("joint", "wucun", "a b c d g", None), ("joint", "wucun", "e f", None)]


def test_who_is_left_joins_the_last_branch_of_the_street_even_one_of_a_site(tiny: Tiny) -> None:
    figures = held(tiny, """
        a, yunding, 64, 2
        b, yunding, 64, 2
        c, anbao,   64, 2
        d, anbao,   64, 2
        e, wucun,   64, 2
        """)  # fmt: skip
    # Sites by code: Anbao c + d, then Yunding a + b: the last that is made. e joins it there.
    assert rows(figures) == [("joint", "yunding", "a b e", None), ("joint", "anbao", "c d", None)]


def test_five_are_the_most_that_join_when_the_threshold_is_higher(tiny: Tiny) -> None:
    figures = held(tiny, """
        a, wucun, 64, 2
        b, wucun, 64, 2
        c, wucun, 64, 2
        d, wucun, 64, 1
        e, wucun, 64, 1
        f, wucun, 64, 1
        """, eligible_full_members=6)  # fmt: skip
    # a + b + c = 6 close the branch; d and e make it five; f is one too many.
    assert rows(figures) == [("joint", "wucun", "a b c d e", None), ("instructor", "wucun", "f", None)]
    crowd = held(tiny, "\n".join(f"{code}, wucun, 64, 1" for code in "abcdefg"), eligible_full_members=6)
    # Six of one full member each are needed, and no seventh joins them.
    assert rows(crowd) == [("joint", "wucun", "a b c d e f", None), ("instructor", "wucun", "g", None)]


BRANCHES = """
    area,  area,       jialian
    far,   joint,      jialian
    func,  functional, yunding
    joint, joint,      wucun
    plain, ,           wucun
    """


@pytest.mark.parametrize(
    ("covered", "branch"),
    [
        ("", "func"),  # at its site before all of the street
        ("func 4", "func"),  # which covers four, and with it five
        ("func 5", "joint"),  # full: then the street, form joint before others
        ("func 5, joint 5", "plain"),
        ("func 5, joint 5, plain 7", None),  # all of its street are full; `far` and `area` are in another
    ],
)
def test_first_candidate_with_room_takes_who_is_left(tiny: Tiny, covered: str, branch: str | None) -> None:
    figures = held(tiny, "a, yunding, 64, 2", BRANCHES, covered)
    assert rows(figures) == [("instructor" if branch is None else "attach", "yunding", "a", branch)]


def test_those_attached_before_take_room(tiny: Tiny) -> None:
    figures = held(tiny, "a, wucun, 65, 1\nb, wucun, 64, 1", "joint, joint, wucun", "joint 4")
    # 1 + 1 close nothing. b (division 64) comes first: 4 + 1 = 5, and a finds it full.
    assert rows(figures) == [("instructor", "wucun", "a", None), ("attach", "wucun", "b", "joint")]


def test_all_candidates_count_when_five_near_ones_are_full(tiny: Tiny) -> None:
    branches = "\n".join(f"b{number}, joint, wucun" for number in range(7))
    figures = held(tiny, "a, wucun, 64, 1", branches, ", ".join(f"b{number} 5" for number in range(6)))
    assert rows(figures) == [("attach", "wucun", "a", "b6")]  # the gap list names b0 to b4 alone


def test_without_a_street_there_is_a_branch_of_their_own_or_an_instructor(tiny: Tiny) -> None:
    figures = held(tiny, """
        a, siming, 64, 3
        b, siming, 64, 2
        c, siming, 64, 2
        d,       , 64, 1
        """, "county, joint, siming")  # fmt: skip
    # b + c = 4 are not put together, and the county's branch takes nobody: no street.
    assert rows(figures) == [
        ("standalone", None, "a", None), ("instructor", None, "b", None), ("instructor", None, "c", None),
        ("instructor", None, "d", None),
    ]  # fmt: skip


COUNTED = {
    "enterprises": "code\nbig\none\ntwo\nlast\nhas\nidle\nblank\nsilent\nprobation\nlate",
    "returns": """
        enterprise_code, reported_on, district_code, operating, headcount, members, full_members
        big,             2017-06-30,  wucun,         ,          40,        5,       4
        one,             2017-06-30,  wucun,         ,          ,          3,       1
        two,             2017-06-30,  wucun,         ,          20,        2,       2
        last,            2017-06-30,  jialian,       ,          ,          1,       1
        has,             2017-06-30,  wucun,         ,          30,        4,       3
        idle,            2017-06-30,  wucun,         false,     10,        9,       9
        blank,           2017-06-30,  wucun,         ,          10,        2,
        silent,          2017-06-30,  wucun,         ,          10,        ,
        probation,       2017-06-30,  wucun,         ,          10,        1,       0
        """,
    "branches": "code, district_code\nown, wucun",
    "coverage": "enterprise_code, means, branch_code\nhas, standalone, own",
}
"""`late` has no return and does not operate; of `blank` and `silent` nobody knows whether they have a full member."""


def test_figures_add_up_when_all_is_done(tiny: Tiny) -> None:
    found = asked(tiny.hold(**COUNTED).at(member_source="returns"))
    assert [tuple(row.values()) for row in found["data"]] == [
        # kind, place, enterprises, full members, members, headcount, eligible, branch, organised of 8 once done
        ("standalone", "wucun", ["big"], 4, 5, 40, 1, None, (1 + 1, 8)),
        ("joint", "wucun", ["one", "two"], 1 + 2, 3 + 2, 20, 0, None, (1 + 1 + 2, 8)),  # no headcount of `one`
        ("instructor", "jialian", ["last"], 1, 1, None, 0, None, (1 + 1 + 2, 8)),  # nobody knows: null, not 0
    ]
    assert found["undecided"] == 2  # blank, silent
    assert found["before"] == {
        "organisation_coverage": (1, 8),
        "establishment_rate": (1, 2),  # of big and has
        "employee_coverage": (30, 40 + 20 + 30 + 10 + 10 + 10),
        "members_unorganised": 5 + 3 + 2 + 1 + 2 + 1,
    }
    assert found["after"] == {
        "organisation_coverage": (1 + 1 + 2, 8),
        "establishment_rate": (1 + 1, 2),
        "employee_coverage": (30 + 40 + 20, 120),
        "members_unorganised": 14 - 5 - 5,  # `last`, `blank` and `probation` stay
    }


def test_rows_with_more_members_come_first_when_as_many_must_establish(tiny: Tiny) -> None:
    figures = held(tiny, """
        b, jialian,  64, 3
        a, jiangtou, 64, 3
        c, jialian,  64, 4
        d, wucun,    64, 2
        e, wucun,    64, 2
        """)  # fmt: skip
    # All that must establish come first, though d + e have 4 members; then members, then the smallest code.
    assert [row[2] for row in rows(figures)] == ["c", "a", "b", "d e"]


def test_only_the_population_is_put_together_and_counted(tiny: Tiny) -> None:
    figures = held(tiny, """
        a, yunding, 64, 2
        b, wucun,   64, 1
        c, wucun,   86, 2
        """, "joint, joint, wucun")  # fmt: skip
    assert rows(figures) == [("joint", "wucun", "a b c", None)]  # c is left over, and joins
    assert [row["enterprises"] for row in asked(figures, industry="64")["data"]] == [["a", "b"]]
    alone = asked(figures, district="yunding")
    assert [(row["kind"], row["branch"]) for row in alone["data"]] == [("attach", "joint")]  # of the street around
    assert alone["after"]["organisation_coverage"] == (1, 1)


def test_basis_decides_who_is_taken_and_what_rates_rest_on(tiny: Tiny) -> None:
    figures = tiny.hold(**COUNTED).at(member_source="returns")
    registered = asked(figures, basis="registered")
    assert [row["enterprises"] for row in registered["data"]] == [["big"], ["one", "two"], ["last"]]
    assert registered["data"][-1]["coverage_after"] == (4, 8 + 2)  # idle and late besides
    assert registered["before"]["members_unorganised"] == 14 + 9
    eligible = asked(figures, basis="eligible")
    assert [row["enterprises"] for row in eligible["data"]] == [["big"]]
    assert eligible["after"]["organisation_coverage"] == (2, 2)


def test_enterprises_of_their_own_are_those_of_the_gap_list(tiny: Tiny) -> None:
    figures = tiny.hold(**COUNTED).at(member_source="returns")
    for params in ({}, {"basis": "registered"}, {"district": "jialian"}):
        gaps = figures.asker.gaps(params, figures.snapshot)["data"]
        own = [code for row in asked(figures, **params)["data"] if row["eligible"] for code in row["enterprises"]]
        assert sorted(own) == [row["enterprise"]["code"] for row in gaps]


def test_pages_add_up_to_the_list(tiny: Tiny) -> None:
    figures = tiny.hold(**COUNTED).at(member_source="returns")
    for limit in (1, 2):
        assert told(figures.asker.proposals({}, figures.snapshot, limit)) == asked(figures)


@pytest.fixture
def asker(migrated_url: str, tmp_path: Path) -> Iterator[Asker]:
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        yield Asker(migrated_url, Path(folder))


def compare(asker: Asker, registry: Registry, as_of: date, params: dict[str, Any], source: str, enough: int) -> None:
    with tempfile.TemporaryDirectory(dir=asker.settings.data_dir) as folder:
        settings = {"member_source": source, "eligible_full_members": enough}
        asking = Asker(asker.settings.registry_url, Path(folder), **settings)
        snapshot = asking.build(as_of)
        thresholds = Thresholds(eligible_full_members=enough)
        reference = Reference(registry, as_of, member_source=source, thresholds=thresholds)
        found = told(asking.proposals(params, snapshot))
        assert found == establishment_proposals(reference, params)
        for rate in RATES:
            gained = found["after"][rate][0] - found["before"][rate][0]
            done = [row for row in found["data"] if row["kind"] != "instructor"]
            assert gained == sum(
                {"organisation_coverage": len(row["enterprises"]), "establishment_rate": row["eligible"]}.get(
                    rate, row["headcount"] or 0
                )
                for row in done
            )


def engine_of(asker: Asker) -> str:
    return "sqlite" if asker.settings.registry_url.startswith("sqlite") else "postgres"


def test_rows_equal_the_reference_when_many_small_firms_are_scattered(asker: Asker) -> None:
    @same_examples(EXAMPLES[engine_of(asker)])
    @given(st.integers(0, 10**6), SEEDS, st.sampled_from((3, 3, 2, 4, 6, 9)))
    def random(shape: int, seed: int, enough: int) -> None:
        registry = scattered_registry(shape)
        fill(asker.settings.registry_url, registry)
        params = draw_conditions(CellWriter(f"{seed}", AS_OF), registry, set(CONDITIONS)) if seed % 2 else {}
        compare(asker, registry, AS_OF, params, "returns", enough)

    random()


@pytest.mark.parametrize("source", ["register", "returns"])
def test_rows_equal_the_reference_when_registries_are_random(asker: Asker, source: str) -> None:
    @same_examples(EXAMPLES[engine_of(asker)])
    @given(dated_registries(), SEEDS)
    def random(drawn: tuple[Registry, date], seed: int) -> None:
        registry, as_of = drawn
        fill(asker.settings.registry_url, registry)
        params = draw_conditions(CellWriter(f"{seed}", as_of), registry, set(CONDITIONS))
        compare(asker, registry, as_of, params, source, 2 + seed % 2)

    random()
