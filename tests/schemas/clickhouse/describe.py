"""The schema of a database as text.

    python -m tests.schemas.clickhouse.describe

writes `schemas/clickhouse/declared.sql` anew from the migrations, to be read before it is committed.
"""

from pathlib import Path

from tallygate.runtime.clickhouse import Target, connect

DECLARED = Path(__file__).parents[3] / "schemas" / "clickhouse" / "declared.sql"

_HEADER = """-- The schema that the migrations lead to, as ClickHouse tells it; a test compares them.
-- Written by
--     python -m tests.schemas.clickhouse.describe
"""


def describe(target: Target) -> str:
    """Every table and view of a database as ClickHouse would create it, without the database's name."""
    session = connect(target)
    found = session.rows(
        "SELECT name, formatQuery(create_table_query) FROM system.tables"
        " WHERE database = currentDatabase() AND name != 'schema_migrations' ORDER BY engine = 'View', name"
    )
    session.close()
    statements = [query.replace(f"{target.database}.", "").rstrip() + ";" for _name, query in found]
    return "\n\n".join([_HEADER.rstrip(), *statements]) + "\n"


if __name__ == "__main__":
    from tests.support.chdb_engine import migrated_target

    DECLARED.write_text(describe(migrated_target()), encoding="utf-8")
