"""Rules between rows, and between rows and the registry."""
