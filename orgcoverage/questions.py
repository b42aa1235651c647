"""The questions: one method for each operation of statistics."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Text = str | None
Texts = str | Iterable[str] | None
"""One value, or several: any of them."""

Day = date | str | None
"""A date, or `YYYY-MM-DD`."""

Flag = bool | None
Number = float | None


class Questions:
    """One method for each operation of statistics; all answer with a frame.

    Null is not sent: the service's default holds. A parameter means the same wherever it stands:

    Parameters
    ----------
    as_of, snapshot
        The newest snapshot at or before a date answers, or the one with this id; null: the newest of all.
    tier
        `public`: protected figures, as everybody gets them; null: what the key may see.
    basis
        Which enterprises rates divide by: `registered`, `operating` (the default), `surveyed`, `eligible`,
        `above_size`.
    district, industry, industry_group
        Count in these only (codes); districts and industries with all below them.
    sector, enterprise_kind, ownership, size_class
        Count these enterprises only. The official coverage is that of `sector=["non_public", "social"]`.
    fields
        Which measures and metrics to give; null: the headline figures; `all`: every one.
    by
        What the rows are: a level of districts (`province`, `city`, `county`, `street`, `site`) or of industries
        (`section`, `division`, `group`, `class`), `industry_group`, `enterprise_kind`, `sector`, `ownership`,
        `size_class`, `basis`.
    parent, within, level
        Of a tree the children of a node, a node with all below it, the nodes of a level; `parent` not with `within`.
    sort, order, status
        Sort by `code`, a measure or a metric, `asc` or `desc`; of a metric list only rows with these statuses.
    totals
        Add the rows `total` (of the whole scope) and `unallocated` (what is in no row), told by the column `row`.

    Returns
    -------
    pandas.DataFrame
        The whole list, with the columns of the service's CSV: what a row is about, then counts by code (`Int64`,
        enterprises or persons as the catalogue says), then per metric `<m>` (`float64`, a ratio, not per cent), its
        `<m>_numerator` and `<m>_denominator`, `<m>_n_eff` (the effective denominator), `<m>_low` and `<m>_high` (95 %
        interval) and `<m>_status`. A null figure is no 0: its status says why. Dates are `datetime64`, codes text,
        enumerations and statuses ordered categories. `attrs["meta"]` is what the answer rests on: `snapshot`,
        `as_of`, `basis`, `member_source`, …

    Raises
    ------
    Problem
        A parameter is unknown or not valid (422), a code or snapshot is not there (422, 404), the key is refused (401)
        or does not reach so far (403), or the service cannot answer now (503).
    """

    def table(self, operation: str, parameters: Mapping[str, Any]) -> "pd.DataFrame":
        """Return the whole answer to a question."""
        raise NotImplementedError

    def districts(
        self, *, parent: Text = None, within: Text = None, level: Text = None, include_empty: Flag = None,
        basis: Text = None, industry: Texts = None, industry_group: Texts = None, sector: Texts = None,
        enterprise_kind: Texts = None, ownership: Texts = None, size_class: Texts = None, as_of: Day = None,
        snapshot: Text = None, tier: Text = None, fields: Texts = None, sort: Text = None, order: Text = None,
        status: Texts = None, totals: Flag = None,
    ) -> "pd.DataFrame":  # fmt: skip
        """Return a row per district: `code`, names, `level`, `parent_code`, counts and rates.

        `include_empty` lists those without an enterprise of the basis too.

        Examples
        --------
        >>> streets = service.districts(parent="350203", fields="member_ratio", sort="member_ratio", status="ok")
        >>> streets[["code", "member_ratio", "member_ratio_low", "member_ratio_high"]].round(3).head(2)
                code  member_ratio  member_ratio_low  member_ratio_high
        0  350203008         0.059             0.044              0.079
        1  350203009         0.066             0.043              0.101
        """
        return self.table("districts", _given(locals()))

    def industries(
        self, *, parent: Text = None, within: Text = None, level: Text = None, include_empty: Flag = None,
        basis: Text = None, district: Texts = None, industry_group: Texts = None, sector: Texts = None,
        enterprise_kind: Texts = None, ownership: Texts = None, size_class: Texts = None, as_of: Day = None,
        snapshot: Text = None, tier: Text = None, fields: Texts = None, sort: Text = None, order: Text = None,
        status: Texts = None, totals: Flag = None,
    ) -> "pd.DataFrame":  # fmt: skip
        """Return a row per industry: `code`, names, `level`, `parent_code`, counts and rates.

        `include_empty` lists those without an enterprise of the basis too.

        Examples
        --------
        >>> sections = service.industries(level="section", district="350203", fields="members")
        >>> sections.nlargest(2, "members")[["code", "members"]]
          code  members
        5    I      221
        2    F      167
        """
        return self.table("industries", _given(locals()))

    def industry_groups(
        self, *, include_empty: Flag = None, basis: Text = None, district: Texts = None, industry: Texts = None,
        sector: Texts = None, enterprise_kind: Texts = None, ownership: Texts = None, size_class: Texts = None,
        as_of: Day = None, snapshot: Text = None, tier: Text = None, fields: Texts = None, sort: Text = None,
        order: Text = None, status: Texts = None, totals: Flag = None,
    ) -> "pd.DataFrame":  # fmt: skip
        """Return a row per industry group: `code`, names, `industries` (codes, joined by `;`), counts and rates.

        Groups overlap; in each an enterprise counts once. `include_empty` lists empty ones too.

        Examples
        --------
        >>> groups = service.industry_groups(fields="organisation_coverage")
        >>> groups[["code", "organisation_coverage"]].round(2)
                 code  organisation_coverage
        0     culture                   0.36
        1    internet                   0.11
        2  technology                   0.26
        """
        return self.table("industry_groups", _given(locals()))

    def enterprises(
        self, *, organised: Flag = None, eligible: Flag = None, has_members: Flag = None,
        reached_by_dual: Flag = None, branch: Text = None, relation: Text = None, basis: Text = None,
        district: Texts = None, industry: Texts = None, industry_group: Texts = None, sector: Texts = None,
        enterprise_kind: Texts = None, ownership: Texts = None, size_class: Texts = None, as_of: Day = None,
        snapshot: Text = None, tier: Text = None, fields: Texts = None, sort: Text = None, order: Text = None,
        status: Texts = None, totals: Flag = None,
    ) -> "pd.DataFrame":  # fmt: skip
        """Return a row per enterprise: attributes, flags (`boolean`; null: unknown), counts and ratios of persons.

        Parameters
        ----------
        organised, eligible, has_members, reached_by_dual
            List those where the flag is so; an unknown one matches neither.
        branch, relation
            List those that stand so to a branch or one below it: `participating`, `covered`, `unreached` (also alone).

        Examples
        --------
        >>> gaps = service.enterprises(district="350203", eligible=True, organised=False, fields="full_members")
        >>> len(gaps), int(gaps["full_members"].max())
        (49, 10)
        """
        return self.table("enterprises", _given(locals()))

    def branches(
        self, *, parent: Text = None, within: Text = None, kind: Text = None, form: Text = None,
        district: Texts = None, as_of: Day = None, snapshot: Text = None, tier: Text = None, fields: Texts = None,
        sort: Text = None, order: Text = None, status: Texts = None, totals: Flag = None,
    ) -> "pd.DataFrame":  # fmt: skip
        """Return a row per living branch: attributes, then its `own_` and `subtree_` figures; each person counts once.

        `kind` and `form` list the branches of these; they sort by figures of the subtree.

        Examples
        --------
        >>> committees = service.branches(kind="committee", fields="members_participating")
        >>> int(committees["subtree_members_participating"].max())
        1315
        """
        return self.table("branches", _given(locals()))

    def breakdown(
        self, by: str | Iterable[str], *, basis: Text = None, district: Texts = None, industry: Texts = None,
        industry_group: Texts = None, sector: Texts = None, enterprise_kind: Texts = None, ownership: Texts = None,
        size_class: Texts = None, as_of: Day = None, snapshot: Text = None, tier: Text = None, fields: Texts = None,
        sort: Text = None, order: Text = None, status: Texts = None, totals: Flag = None,
    ) -> "pd.DataFrame":  # fmt: skip
        """Return a row for each value of `by`, or pair of two: `district_code`, `ownership`, …, counts and rates.

        Examples
        --------
        >>> cells = service.breakdown(["street", "section"], fields="members", district="350203")
        >>> cells.pivot(index="district_code", columns="industry_code", values="members").shape
        (10, 16)
        """
        return self.table("breakdown", _given(locals()))

    def trends(
        self, *, by: Text = None, branch: Texts = None, enterprise: Texts = None, from_: Day = None, to: Day = None,
        compare_to: Text = None, fields: Texts = None, basis: Text = None, district: Texts = None,
        industry: Texts = None, industry_group: Texts = None, sector: Texts = None, enterprise_kind: Texts = None,
        ownership: Texts = None, size_class: Texts = None, tier: Text = None,
    ) -> "pd.DataFrame":  # fmt: skip
        """Return a row per subject and date: what it is, `as_of`, `snapshot`, `breaks`, counts and rates.

        Parameters
        ----------
        by, branch, enterprise
            Whose: each value of `by` in the population, some branches, or some enterprises (codes); null: the
            population's.
        from_, to
            First and last date.
        compare_to
            `previous` or `first`: add per figure `change_<figure>`, null where a break lies between.

        Examples
        --------
        >>> groups = service.trends(by="industry_group", fields="work_coverage", from_="2017-03-31")
        >>> groups.pivot(index="as_of", columns="industry_group_code", values="work_coverage").round(2)
        industry_group_code  culture  internet  technology
        as_of
        2017-03-31              0.48      0.29        0.42
        2017-06-30              0.82      0.81        0.82
        2017-09-30              0.82      0.84        0.89
        """
        return self.table("trends", _given(locals()))

    def low_membership(
        self, by: str, *, reference: Text = None, target: Number = None, adjust: Text = None, alpha: Number = None,
        margin: Number = None, basis: Text = None, district: Texts = None, industry: Texts = None,
        industry_group: Texts = None, sector: Texts = None, enterprise_kind: Texts = None, ownership: Texts = None,
        size_class: Texts = None, as_of: Day = None, snapshot: Text = None, tier: Text = None, fields: Texts = None,
        sort: Text = None, order: Text = None, status: Texts = None, totals: Flag = None,
    ) -> "pd.DataFrame":  # fmt: skip
        """Return a row per value of `by`: how its members per employee compare with a reference, counts and rates.

        Parameters
        ----------
        reference, target
            Compare with the `rest` of the scope, the same row in the `parent` district, or with a ratio.
        adjust
            Level of the industries whose mix is taken from the row itself; `none`.
        alpha, margin
            False discovery rate below which a difference counts, and fraction of the reference below which it is `low`.

        Examples
        --------
        >>> groups = service.low_membership("industry_group", district="350203")
        >>> groups[["industry_group_code", "class", "shortfall"]]
          industry_group_code          class  shortfall
        0            internet            low        329
        1             culture  not_different         10
        2          technology  not_different         22
        """
        return self.table("low_membership", _given(locals()))

    def changes(
        self, *, since: Day = None, since_snapshot: Text = None, by: Texts = None, basis: Text = None,
        district: Texts = None, industry: Texts = None, industry_group: Texts = None, sector: Texts = None,
        enterprise_kind: Texts = None, ownership: Texts = None, size_class: Texts = None, as_of: Day = None,
        snapshot: Text = None, tier: Text = None,
    ) -> "pd.DataFrame":  # fmt: skip
        """Return what changed between two snapshots, a row per figure: `account`, `component`, `stratum_…`, `value`.

        `value` is a difference of ratios where `account` is `ratio`, else a number of enterprises or persons.

        Parameters
        ----------
        since, since_snapshot
            The earlier snapshot, by date or id; one must be given. `attrs["meta"]["since"]` says which it was.
        by
            A level of industries among which the ratio's change is shared (null: `section`); and, or, a level of
            districts, `sector` or `ownership`: accounts of each.

        Examples
        --------
        >>> changes = service.changes(since="2017-03-31", district="350203")
        >>> changes.loc[changes["account"] == "members", ["component", "value"]].head(2)
           component   value
        53    before  1199.0
        54     after  1210.0
        """
        return self.table("changes", _given(locals()))

    def establishment_gaps(
        self, *, strict: Flag = None, basis: Text = None, district: Texts = None, industry: Texts = None,
        industry_group: Texts = None, sector: Texts = None, enterprise_kind: Texts = None, ownership: Texts = None,
        size_class: Texts = None, as_of: Day = None, snapshot: Text = None, tier: Text = None, fields: Texts = None,
        sort: Text = None, order: Text = None, status: Texts = None, totals: Flag = None,
    ) -> "pd.DataFrame":  # fmt: skip
        """Return a row per enterprise that must establish an organisation and has none.

        Its columns are those of `enterprises`, with `gap_since` (the first of the snapshots without a break up to now),
        `means` that reach it, and `candidates`, branches that could help. `strict`: without an organisation of its own.

        Examples
        --------
        >>> gaps = service.establishment_gaps(industry_group="internet", sort="full_members", order="desc")
        >>> gaps[["code", "gap_since", "full_members"]].head(2)
                         code  gap_since  full_members
        0  91350203DEM000460H 2016-09-30             9
        1  91350203DEM0003130 2016-09-30             8
        """
        return self.table("establishment_gaps", _given(locals()))

    def establishment_proposals(
        self, *, basis: Text = None, district: Texts = None, industry: Texts = None, industry_group: Texts = None,
        sector: Texts = None, enterprise_kind: Texts = None, ownership: Texts = None, size_class: Texts = None,
        as_of: Day = None, snapshot: Text = None, tier: Text = None,
    ) -> "pd.DataFrame":  # fmt: skip
        """Return a row per branch to found (`standalone`, `joint`), per enterprise to attach, or to send somebody to.

        `enterprises` has the codes, with `;` between; `coverage_after` is the organisation coverage once this row and
        all before it are done. `attrs["before"]` and `attrs["after"]` compare all of them, `attrs["undecided"]` counts
        those of which it is not known whether they have a full member.

        Examples
        --------
        >>> plan = service.establishment_proposals(industry_group="internet")
        >>> plan["kind"].value_counts()
        kind
        standalone    31
        joint          8
        attach         3
        instructor     0
        Name: count, dtype: int64
        """
        return self.table("establishment_proposals", _given(locals()))

    def dual_affiliation(
        self, *, district: Texts = None, industry: Texts = None, industry_group: Texts = None, as_of: Day = None,
        snapshot: Text = None, tier: Text = None,
    ) -> "pd.DataFrame":  # fmt: skip
        """Return a row per home (null: none) and joint branch: how many members of the one take part in the other.

        `members` counts persons; one who takes part in two branches is in two rows. `district` is where the joint
        branch is. `attrs["uplift"]` is what dual affiliation adds: coverage without and with it, dual reach, members
        unreached.

        Examples
        --------
        >>> matrix = service.dual_affiliation(industry_group="internet")
        >>> matrix.groupby("joint_branch_code")["members"].sum().nlargest(2)
        joint_branch_code
        SM-NET-1    57
        SM-NET-3    56
        Name: members, dtype: Int64
        """
        return self.table("dual_affiliation", _given(locals()))

    def data_quality(
        self, *, rule: Text = None, district: Texts = None, industry: Texts = None, as_of: Day = None,
        snapshot: Text = None, tier: Text = None,
    ) -> "pd.DataFrame":  # fmt: skip
        """Return a row per rule with the `number` that it finds; with `rule`, a row per finding, and what was found.

        Examples
        --------
        >>> found = service.data_quality(district="350203")
        >>> found.nlargest(2, "number")[["rule", "number"]]
                                   rule  number
        9  register_differs_from_return      33
        2             headcount_unknown      24
        """
        return self.table("data_quality", _given(locals()))

    def targets(
        self, *, district: Texts = None, industry: Texts = None, industry_group: Texts = None, sector: Texts = None,
        due_from: Day = None, due_to: Day = None, state: Texts = None, as_of: Day = None, snapshot: Text = None,
        tier: Text = None,
    ) -> "pd.DataFrame":  # fmt: skip
        """Return a row per target due on the date or later: what is to be reached, `current`, `state`, `missing`.

        `missing`: how many more in the numerator would meet it at today's denominator. Listed are the targets of the
        districts, industries, groups and sectors given, or below.

        Parameters
        ----------
        due_from, due_to
            First and last due date; null: the date of the figures, none.
        state
            List those that are `met`, `short`, or of which the data `cannot_tell`.

        Examples
        --------
        >>> short = service.targets(industry_group="internet", state="short")
        >>> short[["metric", "current_numerator", "current_denominator", "missing"]]
                          metric  current_numerator  current_denominator  missing
        0           member_ratio                241                 5035       62
        1  organisation_coverage                  9                   80        7
        """
        return self.table("targets", _given(locals()))

    def workplaces(
        self, branch: str, *, by: Text = None, sort: Text = None, order: Text = None, totals: Flag = None,
        as_of: Day = None, snapshot: Text = None, tier: Text = None,
    ) -> "pd.DataFrame":  # fmt: skip
        """Return a row per place where members work who take part in a branch or below it (by its code).

        `by`: `enterprise` (the default), a level of districts or of industries. `members` counts persons, by
        enterprise also `members_without_dual`: open members there who take part in no dual affiliation. With
        `totals`, the rows `elsewhere`, `no_employer` and, by a level, `unallocated`.

        Examples
        --------
        >>> firms = service.workplaces("SM-NET", sort="members", order="desc")
        >>> firms[["code", "members", "members_without_dual"]].head(2)
                         code  members  members_without_dual
        0  91350203DEM000188B       13                     3
        1  91350203DEM000524F       10                     7
        """
        return self.table("workplaces", _given(locals()))


def _given(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that a method was called with."""
    return {name: value for name, value in parameters.items() if name != "self"}
