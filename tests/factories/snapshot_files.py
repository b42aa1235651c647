"""Snapshots as the files they are."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from app.config import Settings
from app.snapshots.build import build_snapshot

AS_OF = date(2017, 6, 30)
EARLIER = date(2017, 3, 31)
TABLES = (
    "branches",
    "cells",
    "coverage",
    "districts",
    "dual_affiliation",
    "workplaces",
    "enterprises",
    "findings",
    "industries",
    "industry_groups",
    "targets",
    "totals",
    "withheld",
)


def build(settings: Settings, as_of: date = AS_OF) -> Path:
    """Build the snapshot of a date; return its folder."""
    return folder_of(settings, build_snapshot(settings, as_of, lambda *_: None).id)


def folder_of(settings: Settings, snapshot: str) -> Path:
    return settings.snapshots_dir / "exact" / snapshot


def tables_of(folder: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in folder.glob("*.arrow")}


def manifest_of(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return manifest
