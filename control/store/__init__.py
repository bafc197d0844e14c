"""The relational store: SQLite in the data directory, or PostgreSQL. It blocks: call it in a thread."""
