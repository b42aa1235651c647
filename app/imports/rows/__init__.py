"""What one row of a file shows."""
