"""The client to Redis that limits and cache share: short time-outs and no retries of its own.

A command whose answer was lost may have been carried out; to repeat it would count twice. Whether a call
waits for Redis at all is decided by those who use it.
"""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

CONNECTIONS = 32
"""A burst of calls waits for one of them, rather than find Redis "unavailable" (and go unlimited)."""
CONNECTION_WAIT_S = 5.0


def connect(url: str, *, timeout_s: float = 2.0) -> "Redis":
    """Make a client; it connects when it is first used. Answers are bytes.

    Args:
        timeout_s: For connecting and for each answer. Long enough for a busy event loop: a time-out of ours
            would look like an outage of Redis.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=CONNECTION_WAIT_S,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)
