"""Questions: whom to count, which rows to list, as of when."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

import msgspec

from app.catalogue.analyses import Analysis
from app.catalogue.dimensions import By
from app.catalogue.vocabulary import Basis


class Subject(StrEnum):
    """What a row of statistics is about."""

    DISTRICTS = "districts"
    INDUSTRIES = "industries"
    INDUSTRY_GROUPS = "industry-groups"
    ENTERPRISES = "enterprises"
    BRANCHES = "branches"


class Order(StrEnum):
    """Direction of a sort."""

    ASCENDING = "asc"
    DESCENDING = "desc"


class AsOf(msgspec.Struct, frozen=True):
    """Which snapshot answers; both null: the newest.

    Parameters
    ----------
    as_of
        The newest snapshot at or before this date.
    snapshot
        The snapshot of this id.
    """

    as_of: date | None = None
    snapshot: str | None = None


class Population(msgspec.Struct, frozen=True):
    """Whom to count: enterprises for which any value of each condition holds; an empty condition holds for all.

    Parameters
    ----------
    basis
        Which enterprises form the denominator.
    district, industry
        Codes of nodes; their whole subtrees are counted, once where they overlap.
    industry_group
        Codes of groups of industries; an enterprise in several counts once.
    enterprise_kind, sector, ownership, size_class
        Values of an attribute of the enterprise.
    """

    basis: Basis = Basis.OPERATING
    district: tuple[str, ...] = ()
    industry: tuple[str, ...] = ()
    industry_group: tuple[str, ...] = ()
    enterprise_kind: tuple[str, ...] = ()
    sector: tuple[str, ...] = ()
    ownership: tuple[str, ...] = ()
    size_class: tuple[str, ...] = ()


class Relation(StrEnum):
    """How an enterprise stands to a branch and all below it.

    `participating`: it employs an open member who takes part there by a secondary affiliation; `covered`: a living
    organisation means names one of them; `unreached`: it is not organised, and employs an open member whom no secondary
    affiliation reaches.
    """

    PARTICIPATING = "participating"
    COVERED = "covered"
    UNREACHED = "unreached"


class Listing(msgspec.Struct, frozen=True):
    """Which rows to list; each subject uses only some of these.

    Parameters
    ----------
    parent
        Code of a node whose children are listed (trees, branches).
    within
        Code of a node whose subtree is listed, including itself (trees, branches).
    level
        Level of the tree.
    organised, standalone, eligible, has_members, reached_by_dual
        Flags of an enterprise; unknown matches neither true nor false.
    branch, relation
        Code of a branch, and how a listed enterprise stands to it.
    kind, form
        Kind and form of a branch.
    include_empty
        List subjects without an enterprise too.
    """

    parent: str | None = None
    within: str | None = None
    level: str | None = None
    organised: bool | None = None
    standalone: bool | None = None
    eligible: bool | None = None
    has_members: bool | None = None
    reached_by_dual: bool | None = None
    branch: str | None = None
    relation: Relation | None = None
    kind: str | None = None
    form: str | None = None
    include_empty: bool = False


class Page(msgspec.Struct, frozen=True):
    """The page of a list, and its order.

    Parameters
    ----------
    sort
        `code`, a measure or a metric.
    order
        Ascending or descending; in both, ties are sorted by code ascending, and nulls come last.
    status
        List the rows whose sorted metric has one of these states; empty: all.
    limit
        Rows per page, 1 to 1000.
    cursor
        Where the previous page ended; null for the first page.
    until
        How many rows from the first on are wanted; null: all.
    """

    sort: str = "code"
    order: Order = Order.ASCENDING
    status: tuple[str, ...] = ()
    limit: int = 100
    cursor: str | None = None
    until: int | None = None


ALL_FIGURES = ("all",)
"""Asks for every figure that rows have."""


class Question(msgspec.Struct, frozen=True):
    """A question about subjects of one kind, or what `by` says; analyses with more parameters have subclasses.

    Parameters
    ----------
    subject
        What the rows are about, where `by` does not say it.
    when, population, listing
        As of when, whom to count, which rows to list.
    analysis
        Which analysis; null: a plain list.
    by
        The dimensions of the rows of an analysis, outermost first.
    fields
        Codes of the measures and metrics to give; empty: the headline figures; `ALL_FIGURES`: all.
    """

    subject: Subject
    when: AsOf = AsOf()
    population: Population = Population()
    listing: Listing = Listing()
    analysis: Analysis | None = None
    by: tuple[By, ...] = ()
    fields: tuple[str, ...] = ()

    def levels(self) -> Sequence[tuple[str, Subject, str | None]]:
        """Return the requested levels of trees: parameter, tree, level."""
        trees = {"district": Subject.DISTRICTS, "industry": Subject.INDUSTRIES}
        by = [("by", trees[one.dimension], one.value) for one in self.by if one.dimension in trees]
        return (("level", self.subject, self.listing.level), *by)

    def named_by(self) -> str:
        """Return where a request names the subject: its path, or a parameter."""
        return "path"
