"""Alembic migrations of the control store, for SQLite and PostgreSQL alike; one file each in `versions/`."""

HEAD = "0005"
"""The newest revision, so that a start on a migrated store needn't load Alembic (a test compares them)."""
