"""WebSocket connections to providers; the only place that knows the client behind them."""

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from tallygate.edge.http.names import RawHeaders, text
from tallygate.edge.upstream.base import (
    UpstreamClosedError,
    UpstreamConnectError,
    UpstreamError,
    UpstreamTimeoutError,
)

MAX_MESSAGE_BYTES = 32 << 20
CONNECT_TIMEOUT_S = 10.0
_CLOSE_S = 2.0


class RefusedError(Exception):
    """The provider answered the handshake with an HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class WebSocketUpstream:
    """Opens connections. Must be made on a running loop."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def connect(
        self, url: str, headers: RawHeaders, protocols: tuple[str, ...]
    ) -> aiohttp.ClientWebSocketResponse:
        """Open a connection.

        Raises:
            RefusedError: the provider does not want to.
            UpstreamError: there is no connection.
        """
        try:
            return await self._session.ws_connect(
                URL(url, encoded=True),
                headers=CIMultiDict((name.decode("latin-1"), text(value)) for name, value in headers),
                protocols=protocols,
                max_msg_size=MAX_MESSAGE_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_S),
            )
        except aiohttp.WSServerHandshakeError as error:
            raise RefusedError(error.status) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _mapped(error) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


def _mapped(error: Exception) -> UpstreamError:
    name = type(error).__name__
    match error:
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return UpstreamConnectError(f"no connection ({name})")
        case TimeoutError():
            return UpstreamTimeoutError(f"no answer in time ({name})")
        case _:
            return UpstreamClosedError(f"the connection was closed early ({name})")
