"""Answers as bytes: JSON pages and whole files, all from the same rows, so their figures cannot differ."""
