"""What the SQL console says that can be asked."""

from tallygate.analytics.sql.views import VIEWS
from tests.support.api import running_api


async def test_every_view_is_told_with_its_columns_and_each_can_be_asked() -> None:
    async with running_api() as api:
        views = (await api.get("/api/v1/sql/schema"))["data"]
        assert [view["name"] for view in views] == list(VIEWS)
        for view in views:
            names = [column["name"] for column in view["columns"]]
            assert names, view["name"]
            assert all(column["type"] and column["comment"] for column in view["columns"]), view["name"]
            await api.rows(f"SELECT {', '.join(names)} FROM {view['name']} LIMIT 1")
