"""Demonstration data: an invented Siming district, and a generator of registries of any size."""
