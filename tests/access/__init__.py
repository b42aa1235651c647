"""Who may ask for what: every operation, asked by every kind of principal."""
