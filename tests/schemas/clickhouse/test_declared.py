"""The migrations lead to the declared schema."""

from tests.schemas.clickhouse.describe import DECLARED, describe
from tests.support.chdb_engine import migrated_target


def test_migrated_schema_is_the_declared_one() -> None:
    assert describe(migrated_target()) == DECLARED.read_text(encoding="utf-8")
