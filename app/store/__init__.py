"""Snapshot files: their format, checksums and mapped reading; where the writing and the reading half meet."""
