"""ClickHouse: numbered migrations, and the schema that they lead to (`declared.sql`)."""


def console_database(database: str) -> str:
    """Name of the database that belongs to the one with the tables, and has none.

    The SQL of users runs in it, so that a table name that was not put there for them leads nowhere.
    """
    return f"{database}_console"


def quoted(identifier: str) -> str:
    """A name as ClickHouse's SQL takes any name."""
    escaped = identifier.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"
