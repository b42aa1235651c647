"""Statistics computed from a snapshot: the reading half, which needs only snapshot files."""
