"""Whole bodies of single changes, in which all that may be unknown is."""

from typing import Any

Body = dict[str, Any]

DISTRICT: Body = {"parent_code": None, "level": "county", "name_zh": "某", "name_en": None}
INDUSTRY: Body = {"parent_code": None, "level": "division", "name_zh": "某", "name_en": None}
INDUSTRY_GROUP: Body = {"name_zh": "某", "name_en": None, "industries": ["64"]}
ENTERPRISE: Body = {"name": "某", "kind": "enterprise"} | dict.fromkeys(
    ("registered_on", "closed_on", "district_code", "industry_code", "supersedes")
)
BRANCH: Body = {"name": "某", "kind": "branch", "district_code": "350203", "dual_affiliation": False} | dict.fromkeys(
    ("parent_code", "form", "industry_code", "industry_group", "established_on", "dissolved_on")
)
