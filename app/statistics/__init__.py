"""Answers to questions about a snapshot; the reading half, which needs snapshot files alone."""
