"""Establishment gaps: enterprises that must establish an organisation and have not, since when, and candidates."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import islice

import numpy as np

from app.catalogue.vocabulary import BranchForm, CoverageMeans, DistrictLevel
from app.statistics.question import Listing
from app.statistics.subjects import flagged
from app.store.arrays import Indices, Int64
from app.store.manifest import Manifest
from app.store.shelf import Shelf, SnapshotNotFound
from app.store.snapshot import Mask, Snapshot, Tree

_STREET, _SITE = (list(DistrictLevel).index(level) for level in (DistrictLevel.STREET, DistrictLevel.SITE))

_MOST_CANDIDATES = 5
"""Candidates listed for one enterprise, at most."""

_PREFERRED = {BranchForm.JOINT, BranchForm.AREA, BranchForm.INDUSTRY}
"""Forms of branches made for enterprises without a branch of their own."""


class Nearness(StrEnum):
    """Why a branch is a candidate: it is at the same site, or in the same street, as the enterprise."""

    SAME_SITE = "same_site"
    SAME_STREET = "same_street"


@dataclass(frozen=True)
class Candidate:
    """A living branch, by its row, that could cover an enterprise, and why."""

    branch: int
    why: Nearness


def gap_listing(*, strict: bool) -> Listing:
    """Return the filter of the gap: eligible and not organised; if strict, not organised by a branch of their own."""
    return Listing(eligible=True, standalone=False) if strict else Listing(eligible=True, organised=False)


def earlier_snapshots(shelf: Shelf, snapshot: Snapshot) -> list[Manifest]:
    """Return the newest snapshot of each earlier date, the latest first."""
    newest = {manifest.as_of: manifest for manifest in reversed(shelf.all())}
    return [newest[as_of] for as_of in sorted(newest, reverse=True) if as_of < snapshot.manifest.as_of]


def gap_since(shelf: Shelf, snapshot: Snapshot, listing: Listing, rows: Int64) -> list[date]:
    """Return, for each row, the date of the first in the unbroken run of snapshots with it in the gap."""
    since = np.full(len(rows), snapshot.manifest.as_of, object)
    running = np.arange(len(rows))
    for manifest in earlier_snapshots(shelf, snapshot):
        if len(running) == 0:
            break
        try:
            earlier = shelf.get(manifest.id)
        except SnapshotNotFound:  # damaged or pruned: the run skips it
            continue
        earlier_rows = earlier.enterprises.rows_of_few("code", snapshot.enterprises.taken("code", rows[running]))
        matched = np.flatnonzero(earlier_rows >= 0)
        in_gap = np.isin(earlier_rows[matched], flagged(earlier, np.unique(earlier_rows[matched]), listing))
        running = running[matched[in_gap]]
        since[running] = manifest.as_of
    found: list[date] = since.tolist()
    return found


def means_of(snapshot: Snapshot, rows: Int64) -> list[tuple[str, ...]]:
    """Return the living means that reach each enterprise, in the order of the vocabulary."""
    table = snapshot.table("coverage")
    choices = [str(means) for means in CoverageMeans]
    places = table.matching("enterprise", rows)
    found: dict[int, set[int]] = {row: set() for row in rows.tolist()}
    for row, means in zip(
        table.values("enterprise", places).tolist(), table.values("means", places).tolist(), strict=True
    ):
        found[row].add(means)
    return [tuple(choices[number] for number in sorted(found[row])) for row in rows.tolist()]


def candidates_of(snapshot: Snapshot, rows: Int64) -> list[tuple[Candidate, ...]]:
    """Return the living branches that could cover each enterprise, the nearest first.

    Branches at its site come before others in its street, then preferred forms before others, then by code.
    """
    nodes = snapshot.district_of(rows).tolist()
    near = NearBranches.of(snapshot, nodes)
    return [tuple(islice(near.candidates(node), _MOST_CANDIDATES)) for node in nodes]


def street_of(tree: Tree, node: int) -> int:
    """Return the street of a district; -1 if it has none, or the node is the number of districts: no place."""
    street = -1 if node >= len(tree.codes) else tree.nearest(node, _STREET)
    return street if street >= 0 and tree.ranks[street] == _STREET else -1


@dataclass(frozen=True)
class NearBranches:
    """The living branches of some streets and their sites.

    Parameters
    ----------
    snapshot
        Their snapshot; its branches are sorted by code.
    order
        Their rows, sorted by district, then by code.
    nodes
        District of each, in this order.
    others
        For each, whether its form is not preferred.
    """

    snapshot: Snapshot
    order: Int64
    nodes: Indices
    others: Mask

    @classmethod
    def of(cls, snapshot: Snapshot, nodes: Iterable[int]) -> "NearBranches":
        """Return the branches in the streets of some districts; nothing is as long as all branches but a mask."""
        tree = snapshot.districts
        is_near = np.zeros(len(tree.codes), bool)
        for street in {street_of(tree, node) for node in set(nodes)} - {-1}:
            is_near[street : tree.ends[street]] = True
        rows = np.flatnonzero(is_near[snapshot.branch_districts])
        rows = rows[np.argsort(snapshot.branch_districts[rows], kind="stable")]
        preferred = np.isin(
            snapshot.branches.values("form", rows), [list(BranchForm).index(form) for form in _PREFERRED]
        )
        valid = snapshot.branches.valid("form", rows)
        others = ~(preferred if valid is None else preferred & valid)
        return cls(snapshot, rows, snapshot.branch_districts[rows], others)

    def candidates(self, node: int) -> Iterator[Candidate]:
        """Yield all candidates for an enterprise in a district; none if it has no street."""
        tree = self.snapshot.districts
        street = street_of(tree, node)
        if street < 0:
            return
        at_site = self._branches_in(node, node + 1) if tree.ranks[node] == _SITE else ()
        yield from (Candidate(row, Nearness.SAME_SITE) for row in at_site)
        in_street = self._branches_in(street, int(tree.ends[street]))
        yield from (Candidate(row, Nearness.SAME_STREET) for row in in_street if row not in at_site)

    def _branches_in(self, start: int, end: int) -> tuple[int, ...]:
        """Return the branches in a span of districts, preferred forms first, then by code."""
        first, last = np.searchsorted(self.nodes, np.array([start, end], self.nodes.dtype))
        rows = self.order[first:last]
        return tuple(rows[np.lexsort((rows, self.others[first:last]))].tolist())
