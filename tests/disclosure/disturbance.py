"""Other raw facts behind the same public figures: members, headcounts, persons, attributes and dates are changed."""

from copy import deepcopy
from dataclasses import replace
from random import Random

from tests.reference.facts import Firm
from tests.reference.public import PublicReference
from tests.reference.registry import Registry, Row, row
from tests.reference.rounding import Place, Unit, shown

REACH = 9
"""A rounded value tells members apart by less than this."""

NEVER_PUBLIC = {
    "ownership": ("state", "private", "foreign", None),
    "size_class": ("large", "micro", None),
    "fixed_premises": (True, False, None),
    "above_designated_size": (True, False, None),
}
"""Attributes of a return that no public figure may rest on, and what they may be."""

PERSONAL = {
    "full_since": (None,),
    "birth_year": (1950, 2000, None),
    "sex": ("female", "male", None),
    "education": ("doctorate", "bachelor", None),
}

Published = list[tuple[str, Place, int, int]]


class Disturbed:
    """A registry whose exact figures are others, and whose public figures are the same.

    Parameters
    ----------
    reference
        What the registry is published as.
    random
        Decides what is changed.
    """

    def __init__(self, reference: PublicReference, random: Random) -> None:
        self.reference = reference
        self.random = random
        self.registry: Registry = deepcopy(reference.when.registry)
        self.units = {unit.code: unit for unit in reference.units}
        self.before = self.published()
        self.changed_members = 0
        self.changed_headcounts = 0

    def published(self) -> Published:
        """Everything about persons that is public."""
        found = shown(self.units.values(), self.reference.key)
        return [(one.unit.code, one.place, one.members, one.headcount) for one in found]

    def disturb(self) -> Registry:
        """Change all that may be changed; return the registry."""
        for code in list(self.units):
            self.change_headcount(code)
            self.change_members(code)
        self.change_attributes()
        return self.registry

    def keeps(self, unit: Unit) -> bool:
        """Whether everything public stays with this unit in the place of the one that has its code."""
        was = self.units[unit.code]
        self.units[unit.code] = unit
        if self.published() == self.before:
            return True
        self.units[unit.code] = was
        return False

    def change_headcount(self, code: str) -> None:
        """Give a firm another headcount, if one near it is published as the same."""
        unit = self.units[code]
        if unit.headcount is None:
            return
        near = [unit.headcount + step for step in range(-REACH, REACH + 1) if step and unit.headcount + step >= 0]
        self.random.shuffle(near)
        for staff in near:
            if self.keeps(replace(unit, headcount=staff)):
                self.latest(code)["headcount"] = staff
                self.changed_headcounts += 1
                return

    def change_members(self, code: str) -> None:
        """Give a firm another number of members, if one near it is published as the same."""
        unit = self.units[code]
        if unit.members is None:
            return
        near = [unit.members + step for step in range(-REACH, REACH + 1) if step and unit.members + step >= 0]
        self.random.shuffle(near)
        for members in near:
            if self.keeps(replace(unit, members=members)):
                self.state_members(code, members)
                self.changed_members += 1
                return

    def state_members(self, code: str, members: int) -> None:
        """Write another number of members where the member source reads it."""
        if self.reference.member_source == "returns":
            self.latest(code)["members"] = members
            return
        open_members = [member["ref"] for member in self.firm(code).open_members]
        for ref in open_members[members:]:
            job = next(one for one in self.registry["employments"] if one["member_ref"] == ref)
            self.registry["employments"].remove(job)
        for number in range(len(open_members), members):
            self.hire(code, f"new {code} {number}")

    def hire(self, code: str, ref: str) -> None:
        """Make a new member work at a firm."""
        began = self.reference.when.as_of.replace(year=2010, day=1)
        self.registry["members"].append(row("members", ref=ref, joined_on=began, identity="open"))
        self.registry["employments"].append(row("employments", member_ref=ref, enterprise_code=code, start_on=began))

    def change_attributes(self) -> None:
        """Change what is never public: attributes of firms and persons, withheld members, the source not read."""
        for one in self.registry["returns"]:
            for column, choices in NEVER_PUBLIC.items():
                one[column] = self.random.choice(choices)
            if self.reference.member_source == "register" or one["enterprise_code"] not in self.units:
                one["members"] = self.random.choice((None, 0, 7, 70))
        for member in self.registry["members"]:
            for column, values in PERSONAL.items():
                member[column] = self.random.choice(values)
        for firm in self.registry["enterprises"]:
            firm["name"] = f"{firm['name']} {self.random.random()}"
            firm["kind"] = self.random.choice(("enterprise", "social_organisation", "institution"))

    def latest(self, code: str) -> Row:
        """The return that says how a firm is, in the registry that is changed."""
        filed = [one for one in self.registry["returns"] if one["enterprise_code"] == code]
        return max(
            (one for one in filed if one["reported_on"] <= self.reference.when.as_of),
            key=lambda one: one["reported_on"],
        )

    def firm(self, code: str) -> Firm:
        """The firm as it was."""
        return self.reference.firms[code]
