"""What lies inside a scope of districts, a second time: plain loops over plain rows."""

from collections.abc import Collection, Mapping
from typing import Any

Row = Mapping[str, Any]
Rows = Mapping[tuple[Any, ...], Row]

BELONGS: Mapping[str, Mapping[str, str]] = {
    "enterprises": {"code": "enterprises"},
    "returns": {"enterprise_code": "enterprises"},
    "branches": {"code": "branches"},
    "coverage": {"enterprise_code": "enterprises"},
    "branch-returns": {"branch_code": "branches"},
    "targets": {},
    "members": {"ref": "members"},
    "employments": {"member_ref": "members", "enterprise_code": "enterprises"},
    "affiliations": {"member_ref": "members", "branch_code": "branches"},
}
"""Whose rows are of what: column and dataset."""

NAMES = {
    "enterprises": ("supersedes", "enterprises"),
    "branches": ("parent_code", "branches"),
    "coverage": ("branch_code", "branches"),
}
"""What rows name besides: column and dataset."""


class Inside:
    """What of a registry, whose dates are all past, lies in the subtrees of some districts."""

    def __init__(self, tables: Mapping[str, Rows], tops: Collection[str]) -> None:
        self.tables, self.tops = tables, tops

    def holds(self, district: str | None) -> bool:
        """Say whether a district lies inside."""
        while district is not None and (district,) in self.tables["districts"]:
            if district in self.tops:
                return True
            district = self.tables["districts"][district,]["parent_code"]
        return False

    def is_elsewhere(self, district: str | None) -> bool:
        """Say whether a place is none, or a district that is there and lies outside."""
        return district is None or ((district,) in self.tables["districts"] and not self.holds(district))

    def present_place(self, code: str, registered: str | None, returns: Rows) -> str | None:
        """Return where an enterprise is, given its returns and where it is registered."""
        own = [row for row in returns.values() if row["enterprise_code"] == code]
        latest = max(own, key=lambda row: row["reported_on"], default={"district_code": None})
        return latest["district_code"] or registered

    def registered(self, code: str | None) -> str | None:
        """Return where an enterprise is registered."""
        row = self.tables["enterprises"].get((code,))
        return None if row is None else row["district_code"]

    def place_of_return(self, row: Row) -> str | None:
        """Return the district of a return."""
        return row["district_code"] or self.registered(row["enterprise_code"])

    def has(self, dataset: str, code: str | None) -> bool:
        """Say whether an enterprise, branch or member is there and lies inside."""
        if (code,) not in self.tables[dataset]:
            return False
        if dataset == "enterprises":
            return self.holds(self.present_place(str(code), self.registered(code), self.tables["returns"]))
        if dataset == "branches":
            return self.holds(self.tables["branches"][code,]["district_code"])
        return self.has("enterprises", self._last("employments", "enterprise_code", code)) or self.has(
            "branches", self._last("affiliations", "branch_code", code, role="primary")
        )

    def _last(self, dataset: str, column: str, ref: str | None, **like: str) -> str | None:
        wanted = {"member_ref": ref, **like}
        rows = [row for row in self.tables[dataset].values() if wanted.items() <= row.items()]
        found: str | None = max(rows, key=lambda row: row["start_on"], default={column: None})[column]
        return found

    def is_open_to(self, dataset: str, code: str | None) -> bool:
        """Say whether what lies inside may be written, or what belongs to nobody yet."""
        owned = any(
            row["member_ref"] == code for name in ("employments", "affiliations") for row in self.tables[name].values()
        )
        free = dataset == "members" and (code,) in self.tables["members"] and not owned
        return free or self.has(dataset, code)

    def row(self, dataset: str, row: Row) -> bool:
        """Say whether a row of the registry lies inside."""
        of_what_is = all(self.has(of, row[column]) for column, of in BELONGS[dataset].items())
        if dataset == "targets":
            return self.holds(row["district_code"])
        return of_what_is and (dataset != "returns" or self.holds(self.place_of_return(row)))
