"""A request's body as it comes from aiohttp's server."""

from aiohttp import web
from aiohttp.web_request import BaseRequest

from tallygate.edge.errors import invalid_request

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ServerSource:
    """Reads a request's body; says `100 Continue` first to a caller that waits for it."""

    def __init__(self, request: BaseRequest, *, expects_continue: bool) -> None:
        self._content = request.content
        self._request = request
        self._say_continue = expects_continue

    async def read(self) -> bytes:
        """The next bytes, empty at the end.

        Raises:
            GatewayError: 400, the body's framing is broken.
        """
        if self._say_continue:
            self._say_continue = False
            if (transport := self._request.transport) is not None:
                transport.write(_CONTINUE)
        try:
            return await self._content.readany()
        except web.RequestPayloadError as error:
            raise invalid_request("The body's framing is broken.") from error
