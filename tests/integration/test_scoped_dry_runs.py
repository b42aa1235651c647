"""Dry runs of keys for some districts: as the import would be, and no word that depends on what lies outside."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.imports.load import Imported, ImportRejected
from app.registry.erasure import erase_members
from tests.factories.importing import Registry
from tests.factories.two_counties import SCOPE
from tests.integration.test_import_scopes import BELONG, BRANCH, COVER, FIRM, INSIDE, LEDGER, RETURN, WORK

pytestmark = pytest.mark.long

MEMBERS = "ref,joined_on"

ELSEWHERE: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    # a header, a row, and what its braces hold: things outside or that went there; last, what is not there at all
    "member": ("members", MEMBERS, "{},2011-07-01", ("m-out", "m-went", "m-dual", "erased", "never")),
    "member wrong": ("members", MEMBERS, "{},2011-13-01", ("m-out", "m-went", "erased", "never")),
    "firm": ("enterprises", FIRM, "{},新,350203008", ("went", "nowhere", "never")),
    "firm in other letters": ("enterprises", FIRM, "{},新,350203008", ("WENT", "NEVER")),
    "firm put outside": ("enterprises", FIRM, "{},新,350206", ("went", "nowhere", "never")),
    "firm without a place": ("enterprises", "code,name", "{},新", ("went", "nowhere", "never")),
    "firm of no industry": ("enterprises", f"{FIRM},industry_code", "{},新,350203,99", ("went", "nowhere", "never")),
    "ledger": ("ledger", LEDGER, "{},新,2017-06-30,350203", ("went", "nowhere", "never")),
    "branch": ("branches", BRANCH, "{},新,branch,350203,bin", ("elsewhere", "never")),
    "parent": ("branches", BRANCH, "to-{0},新,branch,350203,{0}", ("elsewhere", "never")),
    "return": ("returns", f"{RETURN},headcount", "came,{},350203,9", ("2016-06-30", "2016-06-29")),
    "headcount that jumps": ("returns", f"{RETURN},headcount", "{},2017-09-30,350203,999", ("went", "never")),
}


def dry_run(registry: Registry, dataset: str, text: str, **options: Any) -> Imported:
    try:
        return registry.take(dataset, text, scope=SCOPE, dry_run=True, **options)
    except ImportRejected as rejected:
        return rejected.imported


def by_row(imported: Imported, names: Sequence[str]) -> list[list[tuple[object, ...]]]:
    """Return what is said of each row, but for the names in it."""
    told: list[list[tuple[object, ...]]] = [[] for _ in names]
    for it in imported.issues:
        value = it.value and it.value.replace(names[(it.row or 0) - 2], "")
        told[(it.row or 0) - 2].append((it.column, it.rule, it.message, it.suggestions, value))
    return told


@pytest.fixture
def dry(counties: Registry) -> Registry:
    """Give the two counties, and outside a branch and an erased member besides."""
    counties.load({"branches": f"{BRANCH}\nelsewhere,外,branch,350206,", "members": f"{MEMBERS}\nerased,2010-07-01"})
    erase_members(counties.settings, ["erased"], lambda *_: None)
    return counties


def test_no_row_tells_what_lies_outside(dry: Registry) -> None:
    before = dry.revision()
    for what, (dataset, header, row, names) in ELSEWHERE.items():
        text = "\n".join([header, *(row.format(name) for name in names)])
        done = dry_run(dry, dataset, text)
        assert [told for told in by_row(done, names) if told != by_row(done, names)[-1]] == [], what
        assert done.result.inserted in {0, len(names)}, what
    for dataset, header, row, names in (ELSEWHERE["member"], ELSEWHERE["firm"]):
        text = "\n".join([header, *(row.format(name) for name in names)])
        assert dry_run(dry, dataset, text, on_error="skip").result.inserted == len(names)
        assert dry_run(dry, dataset, text, mode="delete").result.unchanged == len(names)
    assert dry.revision() == before


def test_rows_outside_are_counted_as_new(dry: Registry) -> None:
    members = "".join(f"\n{ref},2011-07-01" for ref in ("m-out", "m-dual", "erased", "never", "m-in"))
    done = dry_run(dry, "members", f"{MEMBERS}{members}")
    assert (done.issues, done.result.inserted, done.result.changed) == ((), 4, 1)
    for dataset, text in {
        "employments": f"{WORK}\nm-branch,in,2016-06-01,",
        "affiliations": f"{BELONG}\nm-both,bin,primary,2016-06-01,",
    }.items():
        assert dry.problems(dataset, text, scope=SCOPE) != []
        assert dry_run(dry, dataset, text).result.inserted == 1


def test_rows_inside_are_told_as_by_the_import_itself(counties: Registry) -> None:
    for dataset, text, counts in INSIDE.values():
        done = dry_run(counties, dataset, text)
        assert (done.result.inserted, done.result.changed, done.result.unchanged) == counts, text
    kept = f"{COVER}\nin,bin,joint,2016-01-01,"
    for dataset, text in {"coverage": kept, "enterprises": f"{FIRM}\nin,内,350203008\ncame,来,350206001"}.items():
        dried = dry_run(counties, dataset, text, mode="replace").result
        assert dried.deleted > 0
        assert counties.take(dataset, text, scope=SCOPE, mode="replace").result.deleted == dried.deleted
