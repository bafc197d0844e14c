"""ClickHouse: numbered migrations, and the schema that they lead to (`declared.sql`)."""
