"""Benchmarks: each script prints one line per figure, against a rival measured in the same run."""
