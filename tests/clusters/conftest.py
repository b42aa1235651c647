"""The object store of replicas."""

from tests.replicas.conftest import seaweed

__all__ = ["seaweed"]
