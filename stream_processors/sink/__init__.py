"""The sink: priced calls into ClickHouse, each exactly once."""
