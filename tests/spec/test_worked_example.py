"""The worked example of the domain, figure by figure: files in, snapshot built, HTTP out.

Street `S` has two operating firms, `A` and `B`, and a registered one, `C`, that never filed a return. `A`: headcount
10, members a1, a2, a3 (full) and a4 (probationary); it has an instructor. `B`: headcount 5, member b1 (full), whose
primary branch `R` is a residential one and who takes part in `F2` of the joint committee `J` (branches `F1`, `F2`). a1
takes part in `F1` and in `F2`. No branch covers `A`, `B` or `C`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.main import create_app
from app.snapshots.build import build_snapshot
from tests.factories.importing import Registry
from tests.factories.tiny import parts, picked

AS_OF = date(2017, 6, 30)

FILES = {
    "districts": """code,parent_code,level,name_zh
        35,,province,福建省
        3502,35,city,厦门市
        350203,3502,county,思明区
        S,350203,street,梧村街道""",
    "industries": """code,parent_code,level,name_zh
        I,,section,信息传输、软件和信息技术服务业
        64,I,division,互联网和相关服务""",
    "enterprises": """code,name,district_code,industry_code
        A,示例甲公司,S,64
        B,示例乙公司,S,64
        C,示例丙公司,S,64""",
    "returns": """enterprise_code,reported_on,headcount
        A,2017-03-31,10
        B,2017-03-31,5""",
    "branches": """code,name,kind,parent_code,district_code,form,dual_affiliation
        J,示例联合党委,committee,,350203,joint,yes
        F1,示例功能型第一支部,branch,J,350203,functional,yes
        F2,示例功能型第二支部,branch,J,350203,functional,yes
        R,示例社区党支部,branch,,S,area,no""",
    "coverage": """enterprise_code,branch_code,means,start_on
        A,,instructor,2017-01-01""",
    "members": """ref,joined_on,full_since
        a1,2010-07-01,2011-07-01
        a2,2010-07-01,2011-07-01
        a3,2010-07-01,2011-07-01
        a4,2017-01-01,
        b1,2010-07-01,2011-07-01""",
    "employments": """member_ref,enterprise_code,start_on
        a1,A,2015-01-01
        a2,A,2015-01-01
        a3,A,2015-01-01
        a4,A,2015-01-01
        b1,B,2015-01-01""",
    "affiliations": """member_ref,branch_code,role,start_on
        b1,R,primary,2010-07-01
        b1,F2,secondary,2017-06-25
        a1,F1,secondary,2017-06-25
        a1,F2,secondary,2017-06-25""",
}


@dataclass(frozen=True)
class Service:
    """A running service, and the snapshots before and after a member no longer wants to be known at work."""

    client: TestClient
    open: str
    a4_withheld: str
    a1_withheld: str

    def ask(self, path: str, snapshot: str, **params: str) -> dict[str, Any]:
        """The data of one answer."""
        answer = self.client.get(f"/v1/statistics/{path}", params={"snapshot": snapshot, **params})
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    def street(self, snapshot: str | None = None, **params: str) -> dict[str, Any]:
        """The row of street S; before anybody withdrew unless said otherwise."""
        return self.ask("districts/S", snapshot or self.open, **{"fields": "all", **params})


@pytest.fixture(scope="module")
def service(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    registry = Registry(shared_url, tmp_path_factory.mktemp("example"))
    registry.load(FILES)
    built = [_build(registry)]
    for line in ("a4,2017-01-01,withheld", "a1,2010-07-01,不公开"):
        registry.load({"members": f"ref,joined_on,identity\n{line}"})
        built.append(_build(registry))
    with TestClient(create_app(registry.settings)) as client:
        yield Service(client, *built)


def _build(registry: Registry) -> str:
    return build_snapshot(registry.settings, AS_OF, lambda *_: None).id


def test_enterprises_are_three_registered_and_two_operating_when_c_has_no_return(service: Service) -> None:
    assert picked(service.street(basis="registered")["counts"], "enterprises") == (3,)
    assert picked(service.street(basis="operating")["counts"], "enterprises") == (2,)
    assert service.street()["counts"] == service.street(basis="operating")["counts"]  # the default
    for basis, enterprises in {"surveyed": 0, "eligible": 1, "above_size": 0}.items():
        assert picked(service.street(basis=basis)["counts"], "enterprises") == (enterprises,)


def test_organisation_coverage_is_nothing_when_no_branch_covers_anybody(service: Service) -> None:
    assert parts(service.street()["rates"]["organisation_coverage"]) == (0, 2)
    assert service.street()["rates"]["organisation_coverage"]["value"] == 0 / 2


def test_organisation_coverage_with_dual_is_everything_when_a1_and_b1_take_part_in_j(service: Service) -> None:
    assert parts(service.street()["rates"]["organisation_coverage_with_dual"]) == (2, 2)
    assert service.street()["rates"]["organisation_coverage_with_dual"]["value"] == 2 / 2


def test_work_coverage_is_the_same_two_when_a_has_an_instructor_besides(service: Service) -> None:
    street = service.street()
    assert parts(street["rates"]["work_coverage"]) == (2, 2)
    assert picked(street["counts"], "enterprises_reached_by_dual enterprises_work_only") == (2, 0)


def test_a_is_in_the_gap_when_it_has_three_full_members_and_no_organisation(service: Service) -> None:
    street = service.street()
    assert picked(street["counts"], "enterprises_eligible enterprises_eligible_organised") == (1, 0)  # the gap is 1 - 0
    assert parts(street["rates"]["establishment_rate"]) == (0, 1)
    enterprise = service.ask("enterprises/A", service.open)["enterprise"]
    assert (enterprise["eligible"], enterprise["organised"]) == (True, False)
    assert service.ask("enterprises/B", service.open)["enterprise"]["eligible"] is False


def test_member_ratio_is_five_of_fifteen_when_all_are_known(service: Service) -> None:
    ratio = service.street()["rates"]["member_ratio"]
    assert parts(ratio) == (4 + 1, 10 + 5)
    assert ratio["value"] == 5 / 15
    assert picked(service.street()["counts"], "members full_members probationary_members") == (5, 3 + 1, 1)


def test_reporting_rate_is_two_of_three_when_c_never_reported(service: Service) -> None:
    rate = service.street(basis="registered")["rates"]["reporting_rate"]
    assert (parts(rate), rate["value"]) == ((2, 3), 2 / 3)


def test_three_of_five_are_unreached_when_two_take_part_elsewhere(service: Service) -> None:
    street = service.street()
    assert picked(street["counts"], "members_unorganised members_reached_by_dual") == (5, 2)  # a1 and b1
    assert parts(street["rates"]["dual_reach"]) == (2, 5)  # unreached: 5 - 2 = 3


def test_committee_j_has_two_members_when_one_of_them_is_in_both_its_branches(service: Service) -> None:
    committee = service.ask("branches/J", service.open)
    assert picked(committee["subtree"]["counts"], "members_participating affiliations") == (2, 3)  # a1 once
    assert committee["subtree"]["rates"]["affiliation_inflation"]["value"] == 3 / 2
    assert picked(committee["subtree"]["counts"], "members_primary enterprises_covered") == (0, 0)
    assert picked(committee["subtree"]["counts"], "enterprises_participating") == (2,)  # A and B
    assert picked(committee["own"]["counts"], "members_participating affiliations") == (0, 0)
    for code, participating in {"F1": 1, "F2": 2, "R": 1}.items():
        branch = service.ask(f"branches/{code}", service.open)
        assert picked(branch["subtree"]["counts"], "members_participating affiliations") == (participating,) * 2


def test_a4_leaves_every_figure_by_workplace_but_one_when_withheld(service: Service) -> None:
    street = service.street(service.a4_withheld)
    assert picked(street["counts"], "members members_withheld") == (4, None)  # known from the county up
    assert parts(street["rates"]["member_ratio"]) == (3 + 1, 10 + 5)
    assert street["rates"]["member_ratio"]["value"] == 4 / 15
    assert picked(street["counts"], "probationary_members enterprises_eligible") == (0, 1)
    for code in ("350203", "3502", "35"):
        district = service.ask(f"districts/{code}", service.a4_withheld)
        assert picked(district["counts"], "members members_withheld") == (4, 1)
        assert parts(district["rates"]["member_ratio_upper"]) == (4 + 1, 10 + 5)
    upper = street["rates"]["member_ratio_upper"]
    assert (upper["status"], upper["value"], *parts(upper)) == ("not_applicable", None, None, 15)


def test_flags_never_derive_from_a_member_when_withheld(service: Service) -> None:
    street = service.street(service.a1_withheld)
    assert picked(street["counts"], "members full_members enterprises_eligible") == (3, 2 + 1, 0)  # a2, a3; b1
    assert picked(street["counts"], "enterprises_reached_by_dual enterprises_work_only") == (1, 1)  # B; A's instructor
    assert parts(street["rates"]["organisation_coverage_with_dual"]) == (1, 2)
    assert parts(street["rates"]["work_coverage"]) == (1 + 1, 2)
    assert picked(service.ask("districts/350203", service.a1_withheld)["counts"], "members_withheld") == (2,)
    assert service.ask("enterprises/A", service.a1_withheld)["enterprise"]["eligible"] is False


def test_the_branch_knows_its_members_when_they_are_withheld_at_work(service: Service) -> None:
    for snapshot, participating in ((service.open, 2), (service.a1_withheld, 1)):
        counts = service.ask("branches/J", snapshot)["subtree"]["counts"]
        assert picked(counts, "members_participating affiliations full_members") == (2, 3, 2)
        assert picked(counts, "enterprises_participating") == (participating,)  # by workplace: without a1's
