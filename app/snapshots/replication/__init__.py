"""Replicas: what is published is pushed to an object store, from which any number of readers' folders are filled."""
