"""Connections that wait for their next call."""

import asyncio

from tallygate.edge.upstream.lean.connection import Connection
from tallygate.edge.upstream.lean.origin import Origin

KEEPALIVE_S = 15.0
"""Shorter than providers keep idle connections: a POST on one that they close meanwhile can't be repeated."""
_LOOK_EVERY_S = 5.0


class Pool:
    """Free connections by origin. There is no limit to them: callers are limited elsewhere."""

    def __init__(self, loop: asyncio.AbstractEventLoop, keepalive_s: float = KEEPALIVE_S) -> None:
        self._loop = loop
        self._keepalive_s = keepalive_s
        self._free: dict[Origin, list[Connection]] = {}
        """In the order in which they became free."""
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many connections are free."""
        return sum(map(len, self._free.values()))

    def take(self, origin: Origin) -> Connection | None:
        """The connection that was used last, so that those not needed grow old."""
        free = self._free.get(origin)
        while free:
            connection = free.pop()
            if not connection.usable:
                continue
            if connection.free_since < self._loop.time() - self._keepalive_s:
                connection.close()
                continue
            return connection
        return None

    def put(self, origin: Origin, connection: Connection) -> None:
        """Keep a connection for the next call."""
        connection.free_since = self._loop.time()
        free = self._free.get(origin)
        if free is None:
            self._free[origin] = [connection]
        else:
            free.append(connection)
        if self._timer is None:
            self._look_again()

    def forget(self, origin: Origin, connection: Connection) -> None:
        """The connection has ended."""
        free = self._free.get(origin)
        if free and connection in free:
            free.remove(connection)

    def close(self) -> None:
        """Look after them no longer."""
        if self._timer is not None:
            self._timer.cancel()
        self._free.clear()

    def _look_again(self) -> None:
        self._timer = self._loop.call_later(min(_LOOK_EVERY_S, self._keepalive_s), self._close_old)

    def _close_old(self) -> None:
        self._timer = None
        limit = self._loop.time() - self._keepalive_s
        for origin, free in list(self._free.items()):
            old = 0
            while old < len(free) and free[old].free_since <= limit:
                free[old].close()
                old += 1
            del free[:old]
            if not free:
                del self._free[origin]
        if self._free:
            self._look_again()
