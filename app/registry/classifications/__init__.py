"""The classifications that ship with the product, and their loader; `README.md` says where they come from."""
