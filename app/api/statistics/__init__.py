"""Statistics over HTTP: lists, single subjects, files and analyses; handlers parse, call, and return ready bytes."""
