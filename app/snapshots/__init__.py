"""From the registry to published snapshots: the writing half's end."""
