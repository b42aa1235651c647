"""A registry small enough to be known by heart: one of everything, and something that refers to each of them."""

from datetime import date
from typing import Any

from sqlalchemy import insert

from app.database.engines import make_sync_engine
from app.database.tables import METADATA
from app.database.write_lock import write_lock_sync

DAY = date.fromisoformat

SMALL_REGISTRY: dict[str, list[dict[str, Any]]] = {
    "district": [
        {"code": "35", "parent_code": None, "level": "province", "name_zh": "福建省", "name_en": "Fujian"},
        {"code": "3502", "parent_code": "35", "level": "city", "name_zh": "厦门市", "name_en": None},
        {"code": "350203", "parent_code": "3502", "level": "county", "name_zh": "思明区", "name_en": "Siming"},
        {"code": "350203008", "parent_code": "350203", "level": "street", "name_zh": "梧村街道", "name_en": None},
        {"code": "350203009", "parent_code": "350203", "level": "street", "name_zh": "嘉莲街道", "name_en": None},
        {"code": "云顶", "parent_code": "350203009", "level": "site", "name_zh": "云顶创谷", "name_en": None},
    ],
    "industry": [
        {"code": "I", "parent_code": None, "level": "section", "name_zh": "信息服务业", "name_en": "Information"},
        {"code": "64", "parent_code": "I", "level": "division", "name_zh": "互联网", "name_en": None},
        {"code": "65", "parent_code": "I", "level": "division", "name_zh": "软件", "name_en": None},
        {"code": "641", "parent_code": "64", "level": "group", "name_zh": "接入", "name_en": None},
    ],
    "industry_group": [{"code": "internet", "name_zh": "互联网业", "name_en": "Internet_100%"}],
    "industry_group_industry": [
        {"group_code": "internet", "industry_code": "65"},
        {"group_code": "internet", "industry_code": "64"},
    ],
    "enterprise": [
        {"code": "A", "name": "甲", "kind": "enterprise", "registered_on": DAY("2010-01-01"), "closed_on": None}
        | {"district_code": "350203008", "industry_code": "641", "supersedes": None},
        {"code": "B", "name": "=乙", "kind": "institution", "registered_on": None, "closed_on": None}
        | {"district_code": None, "industry_code": None, "supersedes": "A"},
        {"code": "C", "name": '丙, "C"\n=1+1', "kind": "social_organisation", "registered_on": None, "closed_on": None}
        | {"district_code": None, "industry_code": None, "supersedes": "B"},
    ],
    "enterprise_return": [
        {"enterprise_code": "A", "reported_on": DAY(day), "district_code": "云顶", "industry_code": "64"}
        | {"ownership": "private", "size_class": "micro", "operating": True, "fixed_premises": False}
        | {"above_designated_size": None, "headcount": 10, "headcount_under_36": 6, "headcount_women": None}
        | {"headcount_college": 10, "members": 4, "full_members": 3, "members_dual": 1}
        | {"members_under_36": 0, "members_women": None, "members_college": None, "members_floating": None}
        for day in ("2017-05-31", "2016-12-31", "2017-06-30")
    ],
    "branch": [
        {"code": "J", "name": "联合党委", "kind": "committee", "parent_code": None, "district_code": "350203"}
        | {"form": "joint", "dual_affiliation": True, "industry_code": None, "industry_group": "internet"}
        | {"established_on": DAY("2017-06-01"), "dissolved_on": None},
        {"code": "F1", "name": "功能支部", "kind": "branch", "parent_code": "J", "district_code": "350203009"}
        | {"form": None, "dual_affiliation": True, "industry_code": "65", "industry_group": None}
        | {"established_on": None, "dissolved_on": None},
        {"code": "Z", "name": "无人支部", "kind": "branch", "parent_code": None, "district_code": "35"}
        | {"form": None, "dual_affiliation": False, "industry_code": None, "industry_group": None}
        | {"established_on": None, "dissolved_on": None},
    ],
    "branch_return": [
        {"branch_code": "F1", "period_on": DAY(day), "meetings": 1, "attendances": attendances}
        for day, attendances in (("2017-06-01", None), ("2017-05-01", 12))
    ],
    "target": [
        {"metric": "work_coverage", "basis": "operating", "due_on": DAY(day), "value": value, "source": source}
        | {"district_code": district, "industry_code": None, "industry_group": group, "sector": None}
        for day, value, district, group, source in (
            ("2018-12-31", "1", None, None, None),
            ("2017-12-31", "0.4", "350203009", "internet", "2017年工作要点"),
        )
    ],
    "enterprise_coverage": [
        {"enterprise_code": "A", "branch_code": branch, "means": means, "start_on": DAY(start), "end_on": end}
        for branch, means, start, end in (
            ("J", "joint", "2017-06-01", None),
            (None, "instructor", "2016-01-01", DAY("2017-06-01")),
            (None, "liaison", "2016-01-01", None),
            ("F1", "liaison", "2016-01-01", None),
        )
    ],
    "member": [{"ref": ref, "joined_on": DAY("2010-07-01"), "identity": "open"} for ref in ("m1", "m2")],
    "employment": [
        {"member_ref": "m1", "enterprise_code": "A", "start_on": DAY("2011-01-01"), "end_on": DAY("2012-01-01")},
        {"member_ref": "m1", "enterprise_code": "A", "start_on": DAY("2013-01-01"), "end_on": None},
        {"member_ref": "m2", "enterprise_code": "A", "start_on": DAY("2013-01-01"), "end_on": None},
    ],
    "affiliation": [
        {"member_ref": ref, "branch_code": "F1", "role": "secondary", "start_on": DAY("2017-06-01"), "end_on": None}
        for ref in ("m1", "m2")
    ],
}
"""Rows by table, in the order in which they are put in, which is not that of their keys."""


def fill(url: str) -> None:
    """Put the small registry into a migrated, empty database."""
    engine = make_sync_engine(url)
    with write_lock_sync(engine) as connection:
        for table, rows in SMALL_REGISTRY.items():
            connection.execute(insert(METADATA.tables[table]), rows)
    engine.dispose()
