"""OrgCoverage: organisational-coverage statistics, from registry files to an HTTP API."""

import atexit
import gc

USUAL_COLLECTIONS = gc.get_threshold()
"""How often Python looks for garbage by itself."""

# A quarter of a million objects are loaded and stay; looking through them as often as usual takes a third of the start.
gc.set_threshold(10_000, 50)
atexit.register(gc.freeze)
