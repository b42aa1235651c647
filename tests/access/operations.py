"""How every operation is asked, and which right it needs.

Whoever adds an operation adds a line here; until then the matrix fails and names it.
"""

from collections.abc import Collection, Mapping
from itertools import permutations
from typing import Any

from tests.access.places import ABOVE, BEFORE, BRANCHES, ENTERPRISES, HULI, SIMING
from tests.access.rules import Ask, Body, Kind
from tests.factories import bodies

STATISTICS = "/v1/statistics"

UNKNOWN = "35029"
"""Code of no district, though it begins as those of many."""

BROKEN_DOWN = "breakdown?by=county&by=section"
COMPARED = "low-membership?by=section"

FEW = (SIMING, HULI, "350203099", "3502030")
"""Districts inside and outside, and two whose codes look as if they were inside."""

SIBLINGS = tuple(permutations((SIMING, HULI)))

DISTRICTS = {code: code for code in ABOVE}

STREET = bodies.DISTRICT | {"level": "street", "name_zh": "备用街道", "parent_code": SIMING}
DIVISION = bodies.INDUSTRY | {"name_zh": "备用行业", "parent_code": "I"}
GROUP = bodies.INDUSTRY_GROUP | {"name_zh": "备用组", "industries": ["65"]}
ENTERPRISE = bodies.ENTERPRISE | {"name": "备用公司", "industry_code": "64"}
BRANCH = bodies.BRANCH | {"name": "备用支部"}
"""What changes put there and take away."""

CHANGED_PLACES = (SIMING, HULI, "350203099", "3502030", "3502")
"""Where enterprises and branches are put."""

FILE = b"ref,joined_on\nref-0,2010-01-01\n"
CUT_FILE = b"ref\nref-0\n"
"""Without a column that there must be: refused at once, but only to whoever may send files."""


def needed_right(method: str, path: str) -> str:
    """The right that an operation needs, by its path as the document has it."""
    if path.startswith(("/v1/keys", "/v1/audit", "/v1/erasures")):
        return "admin"
    if path.endswith(("/release", "/withdraw")):
        return "release"
    if path.startswith(("/v1/imports", "/v1/jobs")) or method != "GET":
        return "write"
    return "read" if path.startswith("/v1/") else "open"


def figures(path: str, *places: str, public: bool) -> Ask:
    """Statistics about some districts; about everything, where none is given."""
    return Ask(Kind.FIGURES, f"{STATISTICS}/{path}", places, public=public)


def in_districts(path: str, *, public: bool, name: str = "district", codes: Collection[str] = FEW) -> tuple[Ask, ...]:
    """Statistics that take a district by a parameter: without it, of some districts, of one that is not there."""
    address = f"{path}{'&' if '?' in path else '?'}{name}="
    missing = Ask(Kind.FIGURES, f"{STATISTICS}/{address}{UNKNOWN}", public=public, done=422, unknown=True)
    named = (figures(f"{address}{code}", code, public=public) for code in codes)
    return (figures(path, public=public), *named, missing)


def in_files(path: str, *, public: bool, name: str = "district") -> tuple[Ask, ...]:
    """Statistics as files, which take a district by a parameter; of one district in every format."""
    whole, _, query = path.partition("?")
    asked = in_districts(f"{whole}.csv?{query}".rstrip("?"), public=public, name=name)
    address = f"{STATISTICS}/{whole}.{{format}}?{query}&{name}={SIMING}".replace("?&", "?")
    return (*asked, Ask(Kind.FIGURES, address, (SIMING,), public=public, only="public"))


def each(kind: Kind, path: str, codes: Mapping[str, str | None], *, public: bool = False) -> tuple[Ask, ...]:
    """A path with each of some codes, which lie in these districts."""
    return tuple(Ask(kind, path.format(code), (place,), public=public) for code, place in codes.items())


def lists(path: str, *, public: bool = True) -> Ask:
    """A code list of the registry."""
    return Ask(Kind.CODE_LIST, path, public=public)


def same(path: str, **how: Any) -> Ask:
    """What is answered alike to all who may ask."""
    return Ask(Kind.SAME, path, **how)


def replaced(kind: Kind, path: str, body: Body, *places: str, before: Body | None = None) -> Ask:
    """A change of what is put there first."""
    return Ask(kind, path, places, method="PUT", body=body, before=before or body)


def deleted(kind: Kind, path: str, body: Body, *places: str) -> Ask:
    """The deletion of what is put there first."""
    return Ask(kind, path, places, method="DELETE", done=204, before=body)


def firms_replaced(path: str, body: Body) -> tuple[Ask, ...]:
    """Changes of an enterprise or a branch in each of some districts, and out of one into another."""
    within = (
        replaced(Kind.FIRM_CHANGE, path.format(place), {**body, "district_code": place}, place)
        for place in CHANGED_PLACES
    )
    across = (
        replaced(
            Kind.FIRM_CHANGE, path.format("moved"), {**body, "district_code": there}, here, there,
            before={**body, "district_code": here},
        )
        for here, there in SIBLINGS
    )  # fmt: skip
    return (*within, *across)


def firms_deleted(path: str, body: Body) -> tuple[Ask, ...]:
    """Deletions of an enterprise or a branch in each of some districts."""
    return tuple(
        deleted(Kind.FIRM_CHANGE, path.format(place), {**body, "district_code": place}, place)
        for place in CHANGED_PLACES
    )


ASKED: dict[str, tuple[Ask, ...]] = {
    "list_district_statistics": (
        *in_districts("districts", public=True, name="parent", codes=ABOVE),
        *in_districts("districts?level=county", public=True, name="within"),
        figures("districts?parent=350203&basis=registered", SIMING, public=False),
        figures("districts?basis=registered", public=False),
    ),
    "get_district_statistics": (
        *each(Kind.FIGURES, f"{STATISTICS}/districts/{{}}", DISTRICTS, public=True),
        Ask(Kind.FIGURES, f"{STATISTICS}/districts/{UNKNOWN}", public=True, done=404, unknown=True),
        figures("districts/350203?size_class=small", SIMING, public=False),
    ),
    "export_district_statistics": in_files("districts", public=True, name="within"),
    "list_industry_statistics": (
        *in_districts("industries", public=True, codes=ABOVE),
        *(figures(f"industries?district={one}&district={other}", one, other, public=True) for one, other in SIBLINGS),
        figures("industries?level=class&district=350203", SIMING, public=False),
        figures("industries?level=section&industry_group=internet", public=True),
    ),
    "get_industry_statistics": in_districts("industries/64", public=True),
    "export_industry_statistics": in_files("industries", public=True),
    "list_industry_group_statistics": in_districts("industry-groups", public=True),
    "get_industry_group_statistics": in_districts("industry-groups/internet", public=True),
    "export_industry_group_statistics": in_files("industry-groups", public=True),
    "list_enterprise_statistics": (
        *in_districts("enterprises", public=False),
        figures("enterprises?organised=true&district=350203", SIMING, public=False),
    ),
    "get_enterprise_statistics": each(Kind.ONE, f"{STATISTICS}/enterprises/{{}}", ENTERPRISES),
    "export_enterprise_statistics": in_files("enterprises", public=False),
    "list_branch_statistics": (
        *in_districts("branches", public=False),
        figures("branches?within=B-siming&district=350203", SIMING, public=False),
    ),
    "get_branch_statistics": each(Kind.ONE, f"{STATISTICS}/branches/{{}}", BRANCHES),
    "export_branch_statistics": in_files("branches", public=False),
    "list_branch_workplaces": each(Kind.ONE, f"{STATISTICS}/branches/{{}}/workplaces?by=enterprise", BRANCHES),
    "export_branch_workplaces": each(Kind.ONE, f"{STATISTICS}/branches/{{}}/workplaces.csv?by=section", BRANCHES),
    "list_breakdown_statistics": (
        *in_districts(BROKEN_DOWN, public=True),
        *(
            figures(f"{BROKEN_DOWN}&district={one}&district={other}", one, other, public=True)
            for one, other in SIBLINGS
        ),
        *(figures(f"breakdown?by={by}&district=350203", SIMING, public=False) for by in ("sector", "basis", "site")),
    ),
    "export_breakdown_statistics": in_files(BROKEN_DOWN, public=True),
    "list_low_membership": (
        *in_districts(COMPARED, public=True),
        *(
            figures(f"{COMPARED}&reference=parent&district={code}", code, above, public=True)
            for code, above in ABOVE.items()
            if above is not None
        ),
        *(figures(f"{COMPARED}&district={one}&district={other}", one, other, public=True) for one, other in SIBLINGS),
        *in_districts("low-membership?by=county&target=0.1", public=True),
        figures("low-membership?by=county&district=350203", SIMING, public=False),
    ),
    "export_low_membership": in_files(COMPARED, public=True),
    "get_changes": (
        *in_districts(f"changes?since={BEFORE}", public=True),
        *in_districts(f"changes?since={BEFORE}&by=county", public=True),
    ),
    "export_changes": in_files(f"changes?since={BEFORE}", public=True),
    "list_trend_statistics": (
        *in_districts("trends", public=True),
        *in_districts("trends?by=section", public=True),
        *(figures(f"trends?district={one}&district={other}", one, other, public=True) for one, other in SIBLINGS),
        *each(Kind.ONE, f"{STATISTICS}/trends?enterprise={{}}", ENTERPRISES),
        *each(Kind.ONE, f"{STATISTICS}/trends?branch={{}}", BRANCHES),
    ),
    "export_trend_statistics": (
        *in_files("trends", public=True),
        *each(Kind.ONE, f"{STATISTICS}/trends.csv?enterprise={{}}", {"E-huli": HULI, "E-nowhere": None}),
        *each(Kind.ONE, f"{STATISTICS}/trends.csv?branch={{}}", {"B-huli": HULI}),
    ),
    "list_establishment_gaps": in_districts("establishment-gaps", public=False),
    "export_establishment_gaps": in_files("establishment-gaps", public=False),
    "list_establishment_proposals": in_districts("establishment-proposals", public=False),
    "export_establishment_proposals": in_files("establishment-proposals", public=False),
    "list_data_quality": (
        *in_districts("data-quality", public=False),
        *in_districts("data-quality?rule=check_digit_failed", public=False),
    ),
    "export_data_quality": in_files("data-quality", public=False),
    "get_dual_affiliation": in_districts("dual-affiliation", public=False),
    "export_dual_affiliation": in_files("dual-affiliation", public=False),
    "list_targets": (
        *in_districts("targets", public=True),
        *in_districts("targets?due_from=2001-01-01&industry_group=internet", public=True),
        figures("targets?sector=non_public&district=350203", SIMING, public=False),
    ),
    "export_targets": in_files("targets", public=True),
    "list_districts": (
        lists("/v1/districts"),
        lists("/v1/districts?q=350203"),
        lists("/v1/districts?level=street"),
        lists("/v1/districts?level=site", public=False),
        *(lists(f"/v1/districts?parent={code}") for code in ABOVE),
        same(f"/v1/districts?parent={UNKNOWN}", done=422),
    ),
    "get_district": (
        *each(Kind.DISTRICT, "/v1/districts/{}", DISTRICTS),
        same(f"/v1/districts/{UNKNOWN}", done=404),
    ),
    "replace_district": (replaced(Kind.TREE_CHANGE, "/v1/districts/spare", STREET, SIMING),),
    "delete_district": (deleted(Kind.TREE_CHANGE, "/v1/districts/spare", STREET, SIMING),),
    "list_industries": (lists("/v1/industries"), lists("/v1/industries?parent=I")),
    "get_industry": (lists("/v1/industries/64"), same("/v1/industries/0", done=404)),
    "replace_industry": (replaced(Kind.TREE_CHANGE, "/v1/industries/66", DIVISION),),
    "delete_industry": (deleted(Kind.TREE_CHANGE, "/v1/industries/66", DIVISION),),
    "list_industry_groups": (lists("/v1/industry-groups"), lists("/v1/industry-groups?q=inter")),
    "get_industry_group": (lists("/v1/industry-groups/internet"), same("/v1/industry-groups/0", done=404)),
    "replace_industry_group": (replaced(Kind.TREE_CHANGE, "/v1/industry-groups/spare", GROUP),),
    "delete_industry_group": (deleted(Kind.TREE_CHANGE, "/v1/industry-groups/spare", GROUP),),
    "list_enterprises": (
        Ask(Kind.FIRM_LIST, "/v1/enterprises"),
        Ask(Kind.FIRM_LIST, "/v1/enterprises?q=E-"),
    ),
    "get_enterprise": each(Kind.ONE, "/v1/enterprises/{}", ENTERPRISES),
    "replace_enterprise": firms_replaced("/v1/enterprises/spare-{}", ENTERPRISE),
    "delete_enterprise": firms_deleted("/v1/enterprises/spare-{}", ENTERPRISE),
    "list_enterprise_returns": each(Kind.ONE, "/v1/enterprises/{}/returns", ENTERPRISES),
    "list_enterprise_coverage": each(Kind.ONE, "/v1/enterprises/{}/coverage", ENTERPRISES),
    "list_branches": (
        Ask(Kind.FIRM_LIST, "/v1/branches"),
        *each(Kind.FIRM_LIST, "/v1/branches?parent={}", BRANCHES),
    ),
    "get_branch": each(Kind.ONE, "/v1/branches/{}", BRANCHES),
    "replace_branch": firms_replaced("/v1/branches/spare-{}", BRANCH),
    "delete_branch": firms_deleted("/v1/branches/spare-{}", BRANCH),
    "export_dataset": (Ask(Kind.FIRM_LIST, "/v1/exports/{dataset}.csv"),),
    "list_snapshots": (Ask(Kind.SNAPSHOT, "/v1/snapshots"),),
    "get_snapshot": (
        Ask(Kind.SNAPSHOT, "/v1/snapshots/{exact}", tier="exact"),
        Ask(Kind.SNAPSHOT, "/v1/snapshots/{public}", tier="public"),
        Ask(Kind.SNAPSHOT, "/v1/snapshots/20170630-0000000000000000", done=404),
    ),
    "release_snapshot": (
        Ask(Kind.TREE_CHANGE, "/v1/snapshots/{exact}/release", method="POST", body={"note": "seen"}),
        Ask(Kind.TREE_CHANGE, "/v1/snapshots/{public}/release", method="POST", body={}, done=404),
    ),
    "withdraw_snapshot": (Ask(Kind.TREE_CHANGE, "/v1/snapshots/0/withdraw", method="POST", body={}, done=404),),
    "create_snapshot": (
        Ask(Kind.TREE_CHANGE, "/v1/snapshots", method="POST", body={"as_of": "2999-01-01"}, done=422),
        Ask(Kind.TREE_CHANGE, "/v1/snapshots", method="POST", body={"as_of": "2001-01-01"}, done=202, only="public"),
    ),
    "list_jobs": (same("/v1/jobs"),),
    "get_job": (Ask(Kind.JOB, "/v1/jobs/{job}"), Ask(Kind.JOB, "/v1/jobs/{other_job}")),
    "list_imports": (same("/v1/imports"),),
    "create_import": (
        same("/v1/imports?dataset=members", method="POST", content=CUT_FILE, done=422),
        same("/v1/imports?dataset=members&dry_run=true", method="POST", content=FILE, done=202, only="public"),
    ),
    "get_import": (Ask(Kind.JOB, "/v1/imports/{job}"), Ask(Kind.JOB, "/v1/imports/{other_job}")),
    "list_import_issues": (
        Ask(Kind.JOB, "/v1/imports/{job}/issues"),
        Ask(Kind.JOB, "/v1/imports/{other_job}/issues"),
    ),
    "export_import_issues": (
        Ask(Kind.JOB, "/v1/imports/{job}/issues.xlsx"),
        Ask(Kind.JOB, "/v1/imports/{other_job}/issues.xlsx"),
    ),
    "get_template": (same("/v1/templates/enterprises.xlsx"),),
    "list_api_keys": (same("/v1/keys"),),
    "create_api_key": (
        same("/v1/keys", method="POST", body={"name": "new", "rights": ["read"], "districts": None}, done=201),
        same("/v1/keys", method="POST", body={"name": "new", "rights": [], "districts": None}, done=422),
    ),
    "delete_api_key": (
        same("/v1/keys/{key}", method="DELETE", done=204),
        same("/v1/keys/0", method="DELETE", done=404),
    ),
    "list_audit_records": (same("/v1/audit"),),
    "create_erasure": (
        same("/v1/erasures", method="POST", body={"ref": ""}, done=422),
        same("/v1/erasures", method="POST", body={"ref": "ref-0"}, done=202, only="public"),
    ),
    "get_catalogue": (same("/v1/catalogue"),),
    "get_health": (same("/healthz"),),
    "get_readiness": (same("/readyz"),),
    "get_metrics": (same("/metrics"),),
    "get_problem_type": (same("/problems/key-refused"), same("/problems/0", done=404)),
}
"""Requests by operationId."""
