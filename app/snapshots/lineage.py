"""The lineage of branches: every branch with each of its ancestors, a table that the SQL texts read.

It is made here, once, since not every engine follows a tree in SQL.
"""

import numpy as np
import pyarrow as pa

from app.registry.trees import ROOT, preorder
from app.snapshots.engines import Engine

LINEAGE = "branch_lineage"
"""The name by which the texts know it."""


def read_lineage(engine: Engine) -> None:
    """Make the lineage of an engine's branches one of its tables."""
    engine.lend(LINEAGE, branch_lineage(engine.answer("SELECT code, parent_code FROM branch")))


def branch_lineage(branches: pa.Table) -> pa.Table:
    """Return `ancestor`, `code`, `distance` (0: itself) of each branch and each branch at or above it.

    Parameters
    ----------
    branches
        `code`, `parent_code` of all branches, living or not.

    Raises
    ------
    CycleInTree
        Branches are their own ancestors.
    """
    order = preorder(branches["code"].to_pylist(), branches["parent_code"].to_pylist())
    nodes = above = np.arange(len(order.parents))
    steps = []
    while len(nodes):
        steps.append((above, nodes))
        above = order.parents[above]
        nodes, above = nodes[above != ROOT], above[above != ROOT]
    ancestors, descendants = np.concatenate(steps, axis=1) if steps else np.zeros((2, 0), np.int64)
    codes = branches["code"].cast(pa.string()).take(pa.array(order.positions))
    return pa.table(
        {
            "ancestor": codes.take(pa.array(ancestors)),
            "code": codes.take(pa.array(descendants)),
            "distance": pa.array((order.depths[descendants] - order.depths[ancestors]).astype(np.int32)),
        }
    )
