"""Statistics over HTTP: lists, single subjects, files and bases; each handler parses, asks, and returns ready bytes."""
