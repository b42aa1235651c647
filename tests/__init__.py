"""Tests of the whole service; a package, so that no other library's `tests` is imported instead."""
