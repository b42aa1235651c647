"""The joint committee of the internet industry: who joins its functional branches, keeping the formal place at home."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from app.catalogue.vocabulary import AffiliationRole
from app.demo.dice import Dice
from app.demo.rows import AffiliationRow, BranchRow
from app.demo.siming_branches import fixed_branches
from app.demo.siming_enterprises import Enterprise
from app.demo.siming_people import Person

JOINT_COMMITTEE = "SM-NET"
"""Code of the joint committee; its functional branches have it as parent."""

FOUNDED_ON = date(2017, 6, 25)
"""Day on which the committee was founded and its first members joined."""

LATE_SHARE = 0.35
"""Share of those asked and not there at the founding who join in the following quarter."""


def join_committee(people: Sequence[Person], enterprises: Sequence[Enterprise]) -> list[Person]:
    """Add secondary affiliations to the functional branches, always the same; all else stays.

    Members are asked where they work on the day of the founding, withheld ones too: they come to the branch and are
    still not to be known at work.
    """
    dice = Dice("siming/joint-committee")
    employers = {enterprise.code: enterprise for enterprise in enterprises}
    branches = [branch for branch in fixed_branches() if branch.parent_code == JOINT_COMMITTEE]
    return [_ask(person, employers, branches, dice) for person in people]


def _ask(person: Person, employers: Mapping[str, Enterprise], branches: Sequence[BranchRow], dice: Dice) -> Person:
    employer = employers.get(person.employer_on(FOUNDED_ON) or "")
    if employer is None or employer.sector.joins == 0:
        return person
    founds, later = dice.happens(employer.sector.joins), dice.happens(LATE_SHARE)
    if not founds and not later:
        return person
    start_on = FOUNDED_ON if founds else FOUNDED_ON + timedelta(days=dice.randint(8, 87))
    end_on = date(2017, 8, 31) if founds and dice.happens(1 / 60) else None
    first = _suited(employer, branches, dice)
    rows = [AffiliationRow(person.member.ref, first.code, AffiliationRole.SECONDARY, start_on, end_on)]
    if founds and dice.happens(0.04):
        second = dice.choice([branch for branch in branches if branch != first])
        rows.append(replace(rows[0], branch_code=second.code, end_on=None))
    return replace(person, affiliations=(*person.affiliations, *rows))


def _suited(employer: Enterprise, branches: Sequence[BranchRow], dice: Dice) -> BranchRow:
    """Draw a branch of the employer's site or industry for two of three, any of them for the others."""
    industry = employer.sector.industry_code
    suited = [
        branch
        for branch in branches
        if branch.district_code == employer.place
        or (branch.industry_code and industry.startswith(branch.industry_code))
    ]
    return dice.choice(suited if suited and dice.happens(2 / 3) else branches)
