"""The registry: trees, reads, references, and the classifications that ship with the product."""
