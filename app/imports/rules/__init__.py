"""What rows show together, and with the registry."""
