"""Each program of `benchmarks/` at a tiny size: that it runs and gives all of its figures, never how fast."""
