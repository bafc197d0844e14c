"""aiohttp's server protocol, with errors in OpenAI's shape also for what is not valid HTTP."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import http_exceptions, web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import StreamResponse

from tallygate.edge.answer.writer import Answered
from tallygate.edge.errors import GatewayError, invalid_request

LINGER_S = 0.5
"""If the caller still sends when the connection closes, the system resets it, and the answer is lost."""

Refuse = Callable[[BaseRequest, GatewayError], Awaitable[Answered]]


class EdgeProtocol(RequestHandler):
    """One connection."""

    def __init__(self, manager: web.Server, refuse: Refuse, **options: Any) -> None:
        super().__init__(manager, **options)
        self._refuse = refuse
        self._lost = asyncio.Event()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The caller has closed."""
        self._lost.set()
        super().connection_lost(exc)

    def _make_error_handler(self, err_info: Any) -> Callable[[BaseRequest], Awaitable[StreamResponse]]:
        async def handler(request: BaseRequest) -> StreamResponse:
            self.close()  # takes no more input; what comes is dropped
            answered = await self._refuse(request, _as_gateway_error(err_info.exc))
            await self._linger()
            return answered  # type: ignore[return-value]

        return handler

    async def _linger(self) -> None:
        """Let the caller read the answer and close."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                await self._lost.wait()


class EdgeHttpServer(web.Server):
    """Makes an `EdgeProtocol` for every connection."""

    def __init__(
        self, handler: Callable[[BaseRequest], Awaitable[Answered]], refuse: Refuse, **options: Any
    ) -> None:
        super().__init__(handler, handler_cancellation=True)  # type: ignore[arg-type]
        self._refuse = refuse
        self._options = options

    def __call__(self) -> RequestHandler:
        """A protocol for a new connection."""
        return EdgeProtocol(self, self._refuse, loop=asyncio.get_running_loop(), **self._options)


def _as_gateway_error(error: BaseException) -> GatewayError:
    if isinstance(error, http_exceptions.LineTooLong):
        return GatewayError(431, "headers_too_large", "A header, or the path, is too long.")
    if "headers" in str(error).lower() and "many" in str(error).lower():
        return GatewayError(431, "headers_too_large", "There are too many headers.")
    return invalid_request("The request is not valid HTTP.")
