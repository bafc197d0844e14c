from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.cache.stores import KINDS
from tests.support.redis_server import redis_server


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """An empty place for each kind of store."""
    if request.param == "lmdb":
        yield "lmdb", str(tmp_path / "cache")
    else:
        with redis_server() as url:
            yield "redis", url
