"""Authorization: who the caller is, what it may do, and which tier of figures it gets; the audit log."""
