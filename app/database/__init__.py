"""The registry's database: tables, engines, migrations, the write lock, outages; all that differs between engines."""
