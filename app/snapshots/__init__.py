"""Building snapshots: from the registry to published files."""
