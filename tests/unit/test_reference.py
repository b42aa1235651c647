"""The reference reading of the rules against the worked example: it has to be right where nothing else is compared."""

from tests.factories.worked_example import AS_OF, COUNTY, F1, F2, STREET, A, J, R, worked_example
from tests.reference import Reference, Row


def street(reference: Reference, **params: str) -> Row:
    answer: Row = reference.get_statistics("districts", STREET, params)["data"]
    return answer


def ratio(block: Row, metric: str) -> tuple[int | None, int | None]:
    return block["rates"][metric]["numerator"], block["rates"][metric]["denominator"]


def test_every_figure_stands_when_asked_for_the_worked_example() -> None:
    reference = Reference(worked_example(), AS_OF)
    registered, operating = street(reference, basis="registered"), street(reference)
    assert registered["counts"]["enterprises"] == 3
    assert operating["counts"]["enterprises"] == 2
    assert ratio(operating, "organisation_coverage") == (0, 2)
    assert ratio(operating, "organisation_coverage_with_dual") == (2, 2)
    assert ratio(operating, "work_coverage") == (2, 2)
    assert operating["counts"]["enterprises_reached_by_dual"] == 2
    assert operating["counts"]["enterprises_work_only"] == 0
    assert ratio(operating, "establishment_rate") == (0, 1)
    assert ratio(operating, "member_ratio") == (5, 15)
    assert ratio(registered, "reporting_rate") == (2, 3)
    assert operating["counts"]["members_unorganised"] == 5
    assert ratio(operating, "dual_reach") == (2, 5)


def test_a_member_in_two_branches_counts_once_when_a_committee_is_asked_for() -> None:
    answer = Reference(worked_example(), AS_OF).get_statistics("branches", J, {})["data"]
    assert answer["own"]["counts"]["members_participating"] == 0
    assert answer["subtree"]["counts"]["members_participating"] == 2
    assert answer["subtree"]["counts"]["affiliations"] == 3
    assert answer["subtree"]["rates"]["affiliation_inflation"]["value"] == 1.5
    assert answer["subtree"]["counts"]["enterprises_participating"] == 2


def test_a_withheld_member_shows_only_at_county_and_above_when_there_is_one() -> None:
    registry = worked_example()
    [a4] = [member for member in registry["members"] if member["ref"] == "a4"]
    a4["identity"] = "withheld"
    reference = Reference(registry, AS_OF)
    at_street = street(reference)
    at_county = reference.get_statistics("districts", COUNTY, {})["data"]
    assert at_street["counts"]["members"] == at_county["counts"]["members"] == 4
    assert at_street["counts"]["members_withheld"] is None
    assert at_county["counts"]["members_withheld"] == 1
    assert ratio(at_street, "member_ratio") == (4, 15)
    assert ratio(at_street, "member_ratio_upper") == (None, 15)
    assert ratio(at_county, "member_ratio_upper") == (5, 15)


def test_home_is_the_nearest_committee_when_a_member_takes_part_elsewhere() -> None:
    assert Reference(worked_example(), AS_OF).dual_affiliation() == [
        {"home": R, "joint_branch": F2, "members": 1},
        {"home": None, "joint_branch": F1, "members": 1},
        {"home": None, "joint_branch": F2, "members": 1},
    ]


def test_an_instructor_alone_organises_nobody_when_an_enterprise_is_asked_for() -> None:
    enterprise = Reference(worked_example(), AS_OF).get_statistics("enterprises", A, {})["data"]["enterprise"]
    assert (enterprise["organised"], enterprise["reached_by_dual"], enterprise["work_only"]) == (False, True, False)
    assert (enterprise["eligible"], enterprise["branches"]) == (True, [])
