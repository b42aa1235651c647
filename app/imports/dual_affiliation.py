"""Rule on dual affiliation: secondaries are only to branches that take it. Statements only."""

from collections.abc import Iterator

from sqlalchemy import and_, func, literal

from app.catalogue.vocabulary import AffiliationRole
from app.database.tables import METADATA
from app.imports.findings import Finding, finding, found
from app.imports.issues import Rule
from app.imports.prospect import Prospect


def secondaries_without_dual(prospect: Prospect) -> Iterator[Finding]:
    """Find secondary affiliations to a branch without dual affiliation, and branches that lose it with secondaries."""
    if prospect.own.target.table.name == "affiliation":
        yield _to_branches_without(prospect)
    elif prospect.own.target.table.name == "branch":
        yield _branches_losing_it(prospect)


def _to_branches_without(prospect: Prospect) -> Finding:
    rows, branch = prospect.own.rows, METADATA.tables["branch"]
    secondary = found(rows, rows.c.branch_code).join_from(rows, branch, branch.c.code == rows.c.branch_code)
    secondary = secondary.where(rows.c.role == AffiliationRole.SECONDARY, ~branch.c.dual_affiliation)
    message = "the branch does not take dual affiliation"
    return finding(Rule.SECONDARY_WITHOUT_DUAL, "branch_code", message, secondary)


def _branches_losing_it(prospect: Prospect) -> Finding:
    rows, affiliation = prospect.own.rows, METADATA.tables["affiliation"]
    remaining = and_(affiliation.c.branch_code == rows.c.code, affiliation.c.role == AffiliationRole.SECONDARY)
    losing = found(rows, literal("false"), func.count()).join_from(rows, affiliation, remaining)
    losing = losing.where(~rows.c.dual_affiliation, ~rows.c.is_new).group_by(rows.c.row_number)
    message = "must stay true: {other} secondary affiliations are to it"
    return finding(Rule.SECONDARY_WITHOUT_DUAL, "dual_affiliation", message, losing)
