"""Branches of the Siming demonstration, their coverage of enterprises, and the members who join the joint committee.

No organisation coverage begins or ends after 2017-02-20: from then on the organisation coverage rate is constant, and
the joint committee of 2017-06-25 does not change it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from app.catalogue.vocabulary import AffiliationRole, CoverageMeans
from app.demo.files import AffiliationRow, BranchRow, CoverageRow, SeededRandom, read_data
from app.demo.siming.enterprises import DISTRICT, REPORT_DATES, Enterprise, Story
from app.demo.siming.people import Person

ROOT = "SM"
"""Code of the district's committee, the root of the branch tree."""

PARK_BRANCH = "SM-008-P1"
"""The branch of a park, which covers a few of the firms there."""

DISSOLVED_BRANCH = "SM-006-J1"
"""A dissolved joint branch; one coverage row ends with it, another was left open."""

LATEST_BRANCHES = (date(2016, 12, 15), date(2017, 2, 20))
"""Dates on which the last two enterprises established their own branches."""

INTERNET_STANDALONE = 4
"""Number of internet firms with their own branch: those with the most members."""

PARK_FIRMS = 5
"""Number of firms covered by the park's branch."""

PROPERTY_SERVICES = "702"
"""Industry with a branch for all its firms."""

STANDALONE_SHARES = ((7, 0.75), (4, 0.35), (0, 0.0))
"""Share of the other firms with their own branch, by least number of members."""

GENERAL_BRANCH_SIZE = 50
"""A branch with more members than this is a general branch."""

JOINT_COMMITTEE = "SM-NET"
"""Code of the joint committee; its functional branches have it as parent."""

FOUNDED_ON = date(2017, 6, 25)
"""Day on which the committee was founded and its first members joined."""

LATE_SHARE = 0.35
"""Share of members not joining at the founding who join in the following quarter."""


@dataclass(frozen=True)
class Organisation:
    """All branches, all coverage rows, and the living organisation coverage by enterprise code."""

    branches: list[BranchRow]
    coverage: list[CoverageRow]
    workplaces: Mapping[str, CoverageRow]


def organise(enterprises: Sequence[Enterprise]) -> Organisation:
    """Draw the branches and the coverage of each enterprise, always the same."""
    rng = SeededRandom("siming/branches")
    branches = fixed_branches()
    settled = [e for e in enterprises if e.reports and e.story not in {Story.CLOSES, Story.OPENS}]
    living = {branch.code for branch in branches if branch.dissolved_on is None}
    organised = [*_internet(settled, rng), *_others(settled, living, rng)]
    workplaces = {row.enterprise_code: row for row in organised}
    unorganised = [e for e in settled if e.code not in workplaces]
    reached = [*_dissolved(unorganised), *_work_means(settled, workplaces, rng)]
    owners = {e.code: e for e in settled}
    own = [_own_branch(owners[row.enterprise_code], row) for row in organised if _is_own(row)]
    return Organisation([*branches, *own], [*organised, *reached], workplaces)


def fixed_branches() -> list[BranchRow]:
    """Return the branches of no single enterprise: committees, residential ones, the park's, the joint committee's."""
    return [
        BranchRow(
            code=row["code"],
            name=row["name"],
            kind=row["kind"],
            parent_code=row["parent_code"] or None,
            district_code=row["district_code"],
            form=row["form"] or None,
            dual_affiliation=row["dual_affiliation"] == "true",
            industry_code=row["industry_code"] or None,
            industry_group=row["industry_group"] or None,
            established_on=_date(row["established_on"]),
            dissolved_on=_date(row["dissolved_on"]),
        )
        for row in read_data("siming_branches.csv")
    ]


def join_committee(people: Sequence[Person], enterprises: Sequence[Enterprise]) -> list[Person]:
    """Add secondary affiliations with the functional branches, always the same; nothing else changes.

    Members are selected by their employer on the day of the founding, including those with withheld identity: they join
    a branch but remain withheld at work.
    """
    rng = SeededRandom("siming/joint-committee")
    employers = {enterprise.code: enterprise for enterprise in enterprises}
    branches = [branch for branch in fixed_branches() if branch.parent_code == JOINT_COMMITTEE]
    return [_join(person, employers, branches, rng) for person in people]


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _internet(enterprises: Sequence[Enterprise], rng: SeededRandom) -> list[CoverageRow]:
    """Draw the coverage of internet firms, of which few are organised: the largest by themselves, some by the park."""
    firms = [e for e in enterprises if e.sector.internet and e.reports[0] == REPORT_DATES[0] and e.story is Story.NONE]
    largest = sorted(firms, key=lambda e: (-e.members, e.code))[:INTERNET_STANDALONE]
    in_park = [e for e in firms if e.place == f"{DISTRICT}008-01" and e not in largest and e.members > 0]
    park = [
        CoverageRow(e.code, PARK_BRANCH, CoverageMeans.AREA, _start(e, date(2015, 7, 1), rng))
        for e in in_park[:PARK_FIRMS]
    ]
    return [*(_standalone(e, rng) for e in largest), *park]


def _others(enterprises: Sequence[Enterprise], living: set[str], rng: SeededRandom) -> list[CoverageRow]:
    rows = [row for e in enterprises if not e.sector.internet and (row := _covered(e, living, rng))]
    latest = [row for row in rows if _is_own(row)][-len(LATEST_BRANCHES) :]
    starts = dict(zip((row.enterprise_code for row in latest), LATEST_BRANCHES, strict=True))
    return [
        CoverageRow(row.enterprise_code, row.branch_code, row.means, starts.get(row.enterprise_code, row.start_on))
        for row in rows
    ]


def _covered(enterprise: Enterprise, living: set[str], rng: SeededRandom) -> CoverageRow | None:
    """Draw the organisation coverage of an enterprise outside the internet sector, more likely with more members."""
    if enterprise.sector.industry_code.startswith(PROPERTY_SERVICES) and rng.happens(0.6):
        return CoverageRow(enterprise.code, "SM-PM", CoverageMeans.INDUSTRY, _start(enterprise, date(2014, 3, 12), rng))
    share = next(share for members, share in STANDALONE_SHARES if enterprise.members >= members)
    if rng.happens(share):
        return _standalone(enterprise, rng)
    if enterprise.members > 0 and rng.happens(0.7):
        return _shared(enterprise, living, rng)
    return None


def _shared(enterprise: Enterprise, living: set[str], rng: SeededRandom) -> CoverageRow | None:
    """Draw the coverage by a branch of the street for several firms, if the street has one."""
    street = _street_committee(enterprise)
    for suffix, means in (("J1", CoverageMeans.JOINT), ("A1", CoverageMeans.AREA)):
        if f"{street}-{suffix}" in living:
            start_on = _start(enterprise, date(2014, 9, 10), rng)
            return CoverageRow(enterprise.code, f"{street}-{suffix}", means, start_on)
    if rng.happens(0.25):
        return CoverageRow(enterprise.code, street, CoverageMeans.ATTACHED, _start(enterprise, date(2012, 1, 1), rng))
    return None


def _standalone(enterprise: Enterprise, rng: SeededRandom) -> CoverageRow:
    start_on = _start(enterprise, date(2007, 1, 1), rng)
    return CoverageRow(enterprise.code, _own_code(enterprise), CoverageMeans.STANDALONE, start_on)


def _start(enterprise: Enterprise, earliest: date, rng: SeededRandom) -> date:
    """Draw the first day of coverage: from `earliest` or 60 days after registration, up to August 2016."""
    registered_on = enterprise.row.registered_on or earliest
    first = max(earliest, registered_on + timedelta(days=60))
    return first + timedelta(days=rng.randrange(max((date(2016, 8, 31) - first).days, 1)))


def _is_own(row: CoverageRow) -> bool:
    return row.means == CoverageMeans.STANDALONE


def _own_code(enterprise: Enterprise) -> str:
    return f"{ROOT}-E{enterprise.code[11:16]}"


def _own_branch(enterprise: Enterprise, row: CoverageRow) -> BranchRow:
    return BranchRow(
        code=_own_code(enterprise),
        name=f"{enterprise.row.name.removesuffix('（示例）')}党支部（示例）",
        kind="general_branch" if enterprise.members > GENERAL_BRANCH_SIZE else "branch",
        parent_code=_street_committee(enterprise),
        district_code=enterprise.place or DISTRICT,
        form="standalone",
        established_on=row.start_on,
    )


def _street_committee(enterprise: Enterprise) -> str:
    """Return the committee of an enterprise's street, the district's if the street is unknown."""
    street = (enterprise.place or "")[6:9]
    return f"{ROOT}-{street}" if street else ROOT


def _dissolved(unorganised: Sequence[Enterprise]) -> list[CoverageRow]:
    """Return the coverage by the dissolved branch; enterprises covered only by it are no longer organised."""
    first, second = [e for e in unorganised if e.place == f"{DISTRICT}006" and not e.sector.internet][:2]
    start_on, dissolved_on = date(2015, 12, 1), date(2017, 1, 10)
    return [
        CoverageRow(first.code, DISSOLVED_BRANCH, CoverageMeans.JOINT, start_on, dissolved_on),
        CoverageRow(second.code, DISSOLVED_BRANCH, CoverageMeans.JOINT, start_on),
    ]


def _work_means(
    enterprises: Sequence[Enterprise], workplaces: Mapping[str, CoverageRow], rng: SeededRandom
) -> list[CoverageRow]:
    """Draw coverage by instructors, liaisons, trade unions, youth league: some since July 2017, some ended."""
    return [
        _work(enterprise, row["means"], rng)
        for enterprise in enterprises
        for row in read_data("siming_work_means.csv")
        if (row["organised"] == "true") == (enterprise.code in workplaces) and rng.random() < float(row["chance"])
    ]


def _work(enterprise: Enterprise, means: str, rng: SeededRandom) -> CoverageRow:
    sent = means in {CoverageMeans.INSTRUCTOR, CoverageMeans.LIAISON} and rng.happens(0.7)
    recent, ended = rng.happens(0.2), rng.happens(0.06)
    return CoverageRow(
        enterprise_code=enterprise.code,
        branch_code=_street_committee(enterprise) if sent else None,
        means=means,
        start_on=date(2017, 7, 15) if recent else _start(enterprise, date(2013, 1, 1), rng),
        end_on=date(2017, 2, 28) if ended and not recent else None,
    )


def _join(
    person: Person, employers: Mapping[str, Enterprise], branches: Sequence[BranchRow], rng: SeededRandom
) -> Person:
    employer = employers.get(person.employer_on(FOUNDED_ON) or "")
    if employer is None or employer.sector.joins == 0:
        return person
    founds, later = rng.happens(employer.sector.joins), rng.happens(LATE_SHARE)
    if not founds and not later:
        return person
    start_on = FOUNDED_ON if founds else FOUNDED_ON + timedelta(days=rng.randint(8, 87))
    end_on = date(2017, 8, 31) if founds and rng.happens(1 / 60) else None
    first = _suited(employer, branches, rng)
    rows = [AffiliationRow(person.member.ref, first.code, AffiliationRole.SECONDARY, start_on, end_on)]
    if founds and rng.happens(0.04):
        second = rng.choice([branch for branch in branches if branch != first])
        rows.append(replace(rows[0], branch_code=second.code, end_on=None))
    return replace(person, affiliations=(*person.affiliations, *rows))


def _suited(employer: Enterprise, branches: Sequence[BranchRow], rng: SeededRandom) -> BranchRow:
    """Draw a branch: of the employer's site or industry for two of three members, any branch for the others."""
    industry = employer.sector.industry_code
    suited = [
        branch
        for branch in branches
        if branch.district_code == employer.place
        or (branch.industry_code and industry.startswith(branch.industry_code))
    ]
    return rng.choice(suited if suited and rng.happens(2 / 3) else branches)
