"""The registry: trees, reads, single changes, and the classifications that ship with the product."""
