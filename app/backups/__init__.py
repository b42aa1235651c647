"""Backups: everything that cannot be made again, in one file that either database takes back."""
