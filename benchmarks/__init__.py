"""Benchmarks: each script prints one line per figure, compared with a rival measured in the same run."""
