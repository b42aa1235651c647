"""The worked example of the domain as a registry: street 350203008 with two operating firms and a registered one.

A employs a1, a2, a3 (full) and a4 (probationary) of 10 and has an instructor; B employs b1 of 5; C never reported. b1
belongs to a residential branch and takes part in F2, a1 takes part in F1 and F2, both of the joint committee J.
"""

from datetime import date

from tests.reference.registry import Registry, Row, registry_of, row

AS_OF = date(2017, 6, 30)
LONG_AGO = date(2010, 1, 1)

STREET = "350203008"
COUNTY = "350203"
A, B, C = "91350203M00000001A", "91350203M00000002B", "91350203M00000003C"
J, F1, F2, R = "J-internet", "J-internet-1", "J-internet-2", "residents-12"


def worked_example() -> Registry:
    """All datasets of the example."""
    return registry_of(
        districts=[
            row("districts", code="350000", level="province", name_zh="福建省", name_en="Fujian"),
            row("districts", code="350200", level="city", parent_code="350000", name_zh="厦门市"),
            row("districts", code=COUNTY, level="county", parent_code="350200", name_zh="思明区"),
            row("districts", code=STREET, level="street", parent_code=COUNTY, name_zh="梧村街道"),
        ],
        industries=[
            row("industries", code="I", level="section", name_zh="信息传输、软件和信息技术服务业"),
            row("industries", code="64", level="division", parent_code="I", name_zh="互联网和相关服务"),
        ],
        industry_groups=[row("industry-groups", group_code="internet", name_zh="互联网", industry_code="64")],
        enterprises=[_enterprise(A, "示例甲公司"), _enterprise(B, "示例乙公司"), _enterprise(C, "示例丙公司")],
        returns=[_return(A, 10), _return(B, 5)],
        branches=[
            _branch(J, "示例联合党委", "committee", form="joint", dual_affiliation=True, industry_group="internet"),
            _branch(F1, "示例功能型第一支部", parent_code=J, form="functional", dual_affiliation=True),
            _branch(F2, "示例功能型第二支部", parent_code=J, form="functional", dual_affiliation=True),
            _branch(R, "示例社区党支部", form="area"),
        ],
        coverage=[row("coverage", enterprise_code=A, means="instructor", start_on=LONG_AGO)],
        targets=[
            row(
                "targets",
                metric="organisation_coverage",
                basis="operating",
                due_on=date(2017, 12, 31),
                value="0.4",
                district_code=STREET,
                source="示例街道2017年工作要点",
            )
        ],
        members=[*(_member(ref, LONG_AGO) for ref in ("a1", "a2", "a3", "b1")), _member("a4", None)],
        employments=[
            row("employments", member_ref=ref, enterprise_code=code, start_on=LONG_AGO)
            for ref, code in (("a1", A), ("a2", A), ("a3", A), ("a4", A), ("b1", B))
        ],
        affiliations=[
            row("affiliations", member_ref=ref, branch_code=code, role=role, start_on=LONG_AGO)
            for ref, code, role in (
                ("b1", R, "primary"),
                ("b1", F2, "secondary"),
                ("a1", F1, "secondary"),
                ("a1", F2, "secondary"),
            )
        ],
    )


def _enterprise(code: str, name: str) -> Row:
    return row(
        "enterprises", code=code, name=name, kind="enterprise", registered_on=LONG_AGO, district_code=STREET,
        industry_code="64",
    )  # fmt: skip


def _return(code: str, headcount: int) -> Row:
    return row("returns", enterprise_code=code, reported_on=date(2017, 3, 31), ownership="private", headcount=headcount)


def _branch(code: str, name: str, kind: str = "branch", **cells: object) -> Row:
    given: dict[str, object] = {"district_code": STREET, "dual_affiliation": False} | cells
    return row("branches", code=code, name=name, kind=kind, **given)


def _member(ref: str, full_since: date | None) -> Row:
    return row("members", ref=ref, joined_on=LONG_AGO, full_since=full_since, identity="open")
