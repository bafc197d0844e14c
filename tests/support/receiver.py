"""A receiver of webhooks: a real HTTP server that verifies signatures as the specification's package does."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook

Answer = Callable[[int], web.StreamResponse]
"""From the number of the request, the first being 0, to what is answered."""


@dataclass
class Receiver:
    """What came, and how it answers."""

    secret: str | None = None
    """Signatures are verified with it, and a wrong one is answered with 401."""
    answer: Answer = lambda _: web.Response()
    answers_after: asyncio.Event | None = None
    """If set, no answer is given before."""
    url: str = ""
    bodies: list[Any] = field(default_factory=list)
    """As JSON, of those whose signature was right."""
    ids: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    refused: int = 0
    asked: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        number, self.asked = self.asked, self.asked + 1
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        if self.answers_after is not None:
            await self.answers_after.wait()
        try:
            found = Webhook(self.secret).verify(body, headers) if self.secret else await request.json()
        except Exception:  # noqa: BLE001 - whatever is wrong with it
            self.refused += 1
            return web.Response(status=401)
        self.bodies.append(found)
        self.ids.append(headers.get("webhook-id", ""))
        self.headers.append(headers)
        return self.answer(number)


@asynccontextmanager
async def receiving(
    receiver: Receiver | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Receiver]:
    """A receiver that runs while the block does."""
    receiver = receiver or Receiver()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{tail:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, port, ssl_context=tls)
    await site.start()
    assert site._server is not None
    taken = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    receiver.url = f"{'https' if tls else 'http'}://{host}:{taken}/hook"
    try:
        yield receiver
    finally:
        if receiver.answers_after is not None:
            receiver.answers_after.set()
        await runner.cleanup()
