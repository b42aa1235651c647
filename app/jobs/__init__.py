"""Jobs: imports, builds and erasures in child processes, with record files that every worker can read."""
