"""Enterprises that must establish an organisation and have not."""

from datetime import date

from pydantic import Field

from app.api.schemas.closed import Closed, closed_model
from app.api.schemas.figures import ENTERPRISE_FIGURES, EnterpriseTotal
from app.api.schemas.meta import Meta
from app.api.schemas.subjects import SnapshotBranch, SnapshotEnterprise
from app.catalogue.vocabulary import CoverageMeans
from app.statistics.establishment_gaps import Nearness


class GapCandidate(Closed):
    """A living branch that could take the enterprise."""

    branch: SnapshotBranch = Field(description="The branch.")
    why: Nearness = Field(description="Where it is: at the same site, or elsewhere in the same street.")


EstablishmentGap = closed_model(
    "EstablishmentGap",
    "An enterprise that must establish an organisation and has not.",
    {
        "enterprise": (SnapshotEnterprise, "What it is."),
        "gap_since": (date, "Date of the first of the unbroken run of snapshots in which it is in the gap."),
        "means": (list[CoverageMeans], "Living means by which it is reached, whether their branch lives or not."),
        "candidates": (
            list[GapCandidate],
            "At most five living branches: those at its site before others in its street; of form joint, area or "
            "industry before others; then by code.",
        ),
    }
    | ENTERPRISE_FIGURES,
)

EstablishmentGapPage = closed_model(
    "EstablishmentGapPage",
    "One page of the enterprises in the gap.",
    {
        "data": (list[EstablishmentGap], "The rows of this page."),  # type: ignore[valid-type]  # made of figures
        "total": (EnterpriseTotal, "Sums over all enterprises in the gap, on all pages."),
        "unallocated": (None, "Always null: nothing is left out."),
        "meta": (Meta, "What the answer rests on."),
        "next_cursor": (str | None, "Where the next page starts; null on the last."),
    },
)
