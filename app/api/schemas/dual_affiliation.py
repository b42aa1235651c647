"""Dual affiliation: who takes part where, and what that does to coverage."""

from pydantic import Field

from app.api.schemas.closed import Closed
from app.api.schemas.figures import Rate
from app.api.schemas.meta import Meta
from app.api.schemas.subjects import SnapshotBranch

_HOME = (
    "Nearest living committee at or above the primary branch, else the topmost living branch; null: no primary branch."
)
_MEMBERS = "Distinct members with a living secondary affiliation, everybody."


class DualAffiliationCell(Closed):
    """Members of one home who take part in one joint branch."""

    home: SnapshotBranch | None = Field(description=_HOME)
    joint_branch: SnapshotBranch = Field(description="The branch of the secondary affiliation.")
    members: int = Field(description=_MEMBERS)


class DualAffiliationHome(Closed):
    """Members of one home, each counted once however many joint branches they take part in."""

    home: SnapshotBranch | None = Field(description=_HOME)
    members: int = Field(description=_MEMBERS)


class DualAffiliationJointBranch(Closed):
    """Members who take part in one joint branch, each counted once."""

    joint_branch: SnapshotBranch = Field(description="The branch of the secondary affiliation.")
    members: int = Field(description=_MEMBERS)


class DualUplift(Closed):
    """One coverage without and with dual affiliation."""

    without_dual: Rate = Field(description="As if nobody were in dual affiliation.")
    with_dual: Rate = Field(description="As it is, enterprises reached by dual affiliation included.")


class CoverageUplift(Closed):
    """What dual affiliation adds to the coverage of the scope; basis `operating`."""

    organisation_coverage: DualUplift = Field(description="Share of enterprises covered by a branch.")
    work_coverage: DualUplift = Field(description="Share of enterprises reached by any means.")
    dual_reach: Rate = Field(
        description="Of members in enterprises that are not organised, the share reached by dual affiliation."
    )
    members_unreached: int = Field(
        description="Members in enterprises that are not organised, known to be without dual affiliation."
    )


class DualAffiliation(Closed):
    """Who takes part where, and what that does to coverage."""

    matrix: list[DualAffiliationCell] = Field(
        description="Cells with somebody in them, by code of home (none last), then of joint branch."
    )
    homes: list[DualAffiliationHome] = Field(description="Margin of the homes.")
    joint_branches: list[DualAffiliationJointBranch] = Field(description="Margin of the joint branches.")
    members: int = Field(description="All of them, each counted once.")
    uplift: CoverageUplift = Field(description="What that adds to coverage.")


class DualAffiliationAnswer(Closed):
    """Dual affiliation as of a date."""

    data: DualAffiliation = Field(description="Matrix, margins and uplift.")
    meta: Meta = Field(description="What the answer rests on.")
