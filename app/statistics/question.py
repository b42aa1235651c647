"""Questions: whom to count, which rows to list, as of when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.catalogue.analyses import Analysis
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


@dataclass(frozen=True)
class AsOf:
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


@dataclass(frozen=True)
class Population:
    """Whom to count; all conditions must hold.

    Parameters
    ----------
    basis
        Which enterprises form the denominator.
    district, industry
        Code of a node; its whole subtree is counted.
    industry_group
        Code of a group of industries.
    enterprise_kind, ownership, size_class
        Value of an attribute of the enterprise.
    """

    basis: Basis = Basis.OPERATING
    district: str | None = None
    industry: str | None = None
    industry_group: str | None = None
    enterprise_kind: str | None = None
    ownership: str | None = None
    size_class: str | None = None


@dataclass(frozen=True)
class Listing:
    """Which rows to list; each subject uses only some of these.

    Parameters
    ----------
    parent
        Code of a node whose children are listed (trees, branches).
    within
        Code of a node whose subtree is listed, including itself (trees, branches).
    level
        Level of the tree.
    organised, standalone, eligible, has_members
        Flags of an enterprise; unknown matches neither true nor false.
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
    kind: str | None = None
    form: str | None = None
    include_empty: bool = False


@dataclass(frozen=True)
class Page:
    """The page of a list, and its order.

    Parameters
    ----------
    sort
        `code`, a measure or a metric.
    order
        Ascending or descending; in both, ties are sorted by code ascending, and nulls come last.
    limit
        Rows per page, 1 to 1000.
    cursor
        Where the previous page ended; null for the first page.
    """

    sort: str = "code"
    order: Order = Order.ASCENDING
    limit: int = 100
    cursor: str | None = None


@dataclass(frozen=True)
class Question:
    """A question about all subjects of one kind; analyses with more parameters have subclasses.

    Parameters
    ----------
    subject
        What the rows are about.
    when, population, listing
        As of when, whom to count, which rows to list.
    analysis
        Which analysis; null: a plain list.
    """

    subject: Subject
    when: AsOf = AsOf()
    population: Population = Population()
    listing: Listing = Listing()
    analysis: Analysis | None = None

    def levels(self) -> Sequence[tuple[str, Subject, str | None]]:
        """Return the requested levels of trees: parameter, tree, level."""
        return (("level", self.subject, self.listing.level),)

    def named_by(self) -> str:
        """Return where a request names the subject: its path, or a parameter."""
        return "path"
