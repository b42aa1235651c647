"""Imports and builds as child processes; what they do is told by small files that every worker can read."""
