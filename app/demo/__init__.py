"""Demonstration data: an invented district of the size of Siming, and a generator of registries of any size."""
