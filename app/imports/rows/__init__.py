"""Checks of single rows."""
