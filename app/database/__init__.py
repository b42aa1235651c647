"""The registry's database: tables, engines, locks, and every difference between SQLite and PostgreSQL."""
