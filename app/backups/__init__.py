"""Backups: everything that cannot be rebuilt, in one file that can be restored into either database."""
