"""The registry: trees, reads, who refers to whom, and the classifications that ship with the product."""
