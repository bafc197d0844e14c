"""Looking up addresses off the loop, once for all who ask at the same time."""

import asyncio
import socket
from typing import cast

from aiohappyeyeballs import AddrInfoType

from tallygate.runtime.tasks import spawn

TTL_S = 60.0
_MAX_KNOWN = 1024


class Resolver:
    """Addresses of hosts, kept for a minute."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._known: dict[tuple[str, int], tuple[float, list[AddrInfoType]]] = {}
        self._asking: dict[tuple[str, int], asyncio.Task[list[AddrInfoType] | OSError]] = {}

    async def look_up(self, host: str, port: int) -> list[AddrInfoType]:
        """Addresses to connect to, the preferred ones first.

        Raises:
            OSError: the name is not known.
            UnicodeError: it can't be a name.
        """
        key = host, port
        expires, addresses = self._known.get(key, (0.0, []))
        if self._loop.time() < expires:
            return addresses
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = spawn(self._ask(key), name="look up an address")
        # One caller's leaving is not the others'.
        answer = await asyncio.shield(task)
        if isinstance(answer, OSError):
            raise answer
        return answer

    def forget(self, host: str, port: int) -> None:
        """The addresses have not led anywhere: ask again the next time."""
        self._known.pop((host, port), None)

    async def _ask(self, key: tuple[str, int]) -> list[AddrInfoType] | OSError:
        try:
            found = await self._loop.getaddrinfo(*key, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        except OSError as error:
            return error
        except UnicodeError:
            return OSError("not a name")
        finally:
            del self._asking[key]
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        addresses = cast("list[AddrInfoType]", found)
        self._known[key] = self._loop.time() + TTL_S, addresses
        return addresses
