"""Establishment gaps: enterprises that must establish an organisation and have not, since when, and who could help."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np

from app.catalogue.vocabulary import BranchForm, CoverageMeans, DistrictLevel
from app.statistics.question import Listing
from app.statistics.subjects import flagged
from app.store.arrays import Int64
from app.store.manifest import Manifest
from app.store.shelf import Shelf, SnapshotNotFound
from app.store.snapshot import Mask, Snapshot

_STREET, _SITE = (list(DistrictLevel).index(level) for level in (DistrictLevel.STREET, DistrictLevel.SITE))

_MOST = 5
"""Candidates named for one enterprise."""

_PREFERRED = {BranchForm.JOINT, BranchForm.AREA, BranchForm.INDUSTRY}
"""Forms of branches that are there to take in enterprises without one of their own."""


class Nearness(StrEnum):
    """Why a branch is a candidate: it is at the same site, or in the same street, as the enterprise."""

    SAME_SITE = "same_site"
    SAME_STREET = "same_street"


@dataclass(frozen=True)
class Candidate:
    """A living branch, by its row, that could take an enterprise, and why."""

    branch: int
    why: Nearness


def gap_listing(*, strict: bool) -> Listing:
    """Return which enterprises are in the gap: eligible and not organised; strictly, not by a branch of their own."""
    return Listing(eligible=True, standalone=False) if strict else Listing(eligible=True, organised=False)


def earlier_snapshots(shelf: Shelf, snapshot: Snapshot) -> list[Manifest]:
    """Return the newest snapshot of each earlier date, the latest first."""
    newest = {manifest.as_of: manifest for manifest in reversed(shelf.all())}
    return [newest[as_of] for as_of in sorted(newest, reverse=True) if as_of < snapshot.manifest.as_of]


def gap_since(shelf: Shelf, snapshot: Snapshot, listing: Listing, rows: Int64) -> list[date]:
    """Return, of each of some rows, the date of the first of the unbroken run of snapshots that have it in the gap."""
    since = np.full(len(rows), snapshot.manifest.as_of, object)
    running = np.arange(len(rows))
    for manifest in earlier_snapshots(shelf, snapshot):
        if len(running) == 0:
            break
        try:
            earlier = shelf.get(manifest.id)
        except SnapshotNotFound:  # damaged, or pruned since: the run is that of the others
            continue
        places = earlier.enterprises.rows_of("code", snapshot.enterprises.taken("code", rows[running]))
        there = np.flatnonzero(places >= 0)
        in_gap = np.isin(places[there], flagged(earlier, np.unique(places[there]), listing))
        running = running[there[in_gap]]
        since[running] = manifest.as_of
    found: list[date] = since.tolist()
    return found


def means_of(snapshot: Snapshot, rows: Int64) -> list[tuple[str, ...]]:
    """Return the living means by which each of some enterprises is reached, in the order of the vocabulary."""
    table = snapshot.table("coverage")
    choices = [str(means) for means in CoverageMeans]
    enterprises, means = table.values("enterprise"), table.values("means")
    found: dict[int, set[int]] = {row: set() for row in rows.tolist()}
    for place in np.flatnonzero(np.isin(enterprises, rows)).tolist():
        found[int(enterprises[place])].add(int(means[place]))
    return [tuple(choices[number] for number in sorted(found[row])) for row in rows.tolist()]


def candidates_of(snapshot: Snapshot, rows: Int64) -> list[tuple[Candidate, ...]]:
    """Return the living branches that could take each of some enterprises, the nearest first.

    Those at its site before others in its street; then the forms made for it before others; then by code.
    """
    near = _NearBranches.of(snapshot)
    return [near.candidates(int(node)) for node in snapshot.district_of[rows].tolist()]


@dataclass(frozen=True)
class _NearBranches:
    """The living branches by place.

    Parameters
    ----------
    snapshot
        What they are of; its branches stand in the order of their codes.
    order
        Their rows, by district.
    nodes
        District of each, in this order.
    others
        Of each row, whether its form is not one of the preferred.
    """

    snapshot: Snapshot
    order: Int64
    nodes: Int64
    others: Mask

    @classmethod
    def of(cls, snapshot: Snapshot) -> "_NearBranches":
        """Return those of a snapshot."""
        preferred = np.isin(snapshot.branches.values("form"), [list(BranchForm).index(form) for form in _PREFERRED])
        valid = snapshot.branches.valid("form")
        order = np.argsort(snapshot.branch_districts, kind="stable")
        others = ~(preferred if valid is None else preferred & valid)
        return cls(snapshot, order, snapshot.branch_districts[order], others)

    def candidates(self, node: int) -> tuple[Candidate, ...]:
        """Return the candidates of an enterprise at a district; none where it has no street."""
        tree = self.snapshot.districts
        street = -1 if node >= len(tree.codes) else tree.nearest(node, _STREET)
        if street < 0 or tree.ranks[street] != _STREET:
            return ()
        at_site = self._offered(node, node + 1) if tree.ranks[node] == _SITE else ()
        named = [Candidate(row, Nearness.SAME_SITE) for row in at_site[:_MOST]]
        for row in self._offered(street, int(tree.ends[street])):
            if len(named) < _MOST and row not in at_site:
                named.append(Candidate(row, Nearness.SAME_STREET))
        return tuple(named)

    def _offered(self, start: int, end: int) -> tuple[int, ...]:
        """Return the branches of some districts, in the order in which they are offered."""
        rows = self.order[np.searchsorted(self.nodes, start) : np.searchsorted(self.nodes, end)]
        return tuple(rows[np.lexsort((rows, self.others[rows]))].tolist())
