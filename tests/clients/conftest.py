"""The demonstration's service for generated clients."""

from tests.api.conftest import siming

__all__ = ["siming"]
