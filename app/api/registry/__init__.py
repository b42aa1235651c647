"""The registry over HTTP, as it is now: lists, single things, single changes, and files as they came in."""
