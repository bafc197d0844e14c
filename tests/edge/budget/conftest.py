from collections.abc import Iterator

import pytest

from tests.support.redis_server import redis_server


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A Redis of a module's own."""
    with redis_server() as url:
        yield url
