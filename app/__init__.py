"""OrgCoverage: organisational-coverage statistics, from registry files to an HTTP API."""

import atexit
import gc

# Loading makes a quarter of a million objects that stay: as often as is usual, the garbage collector would take longer
# to look through them, on the way and at the end, than it takes to make them.
gc.set_threshold(10_000, 50)
atexit.register(gc.freeze)
