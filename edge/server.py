"""The edge's HTTP server: calls, health and metrics on one port."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp.web_request import BaseRequest

from tallygate.control.snapshot import Snapshot
from tallygate.edge.answer.writer import Answered, AnswerWriter
from tallygate.edge.config import EdgeConfig
from tallygate.edge.models import ModelList, Offers
from tallygate.edge.pipeline import Pipeline
from tallygate.edge.protocol import EdgeHttpServer
from tallygate.edge.proxy import Proxy
from tallygate.edge.recorder import Outbox, Recorder
from tallygate.edge.routing.world import Worlds
from tallygate.edge.steps import Cache, Gate, NoCache, OpenGate
from tallygate.edge.upstream.base import Upstream
from tallygate.edge.upstream.lean.client import LeanUpstream
from tallygate.edge.upstream.websocket import WebSocketUpstream
from tallygate.runtime.deadline import Deadline
from tallygate.runtime.metrics import CONTENT_TYPE, EdgeMetrics

log = logging.getLogger(__name__)

KEEPALIVE_S = 75.0
MAX_LINE_BYTES = 16 * 1024
MAX_HEADERS = 256
_JSON = b"application/json"

_NO_CONTROL_DATA = Snapshot()
Admin = Callable[[], tuple[int, bytes, bytes]]


class EdgeServer:
    """A running edge, as an async context manager; all its parts can be replaced."""

    def __init__(
        self,
        config: EdgeConfig,
        outbox: Outbox,
        *,
        upstream: Upstream | None = None,
        metrics: EdgeMetrics | None = None,
        reuse_port: bool = False,
        gate: Gate | None = None,
        cache: Cache | None = None,
        snapshots: Callable[[], Snapshot] | None = None,
        offers: Offers | None = None,
    ) -> None:
        """Without `offers`, `GET /v1/models` goes to OpenAI like any other path."""
        self._config = config
        self._outbox = outbox
        self._upstream = upstream
        self.metrics = metrics or EdgeMetrics(worker=0)
        self._reuse_port = reuse_port
        self._gate = gate or OpenGate()
        self._cache = cache or NoCache()
        self._offers = offers
        self._snapshots = snapshots or (lambda: _NO_CONTROL_DATA)
        self._recorder = Recorder(outbox, config.full_policy, self.metrics)
        self._admin: dict[str, Admin] = {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
        }

    async def __aenter__(self) -> Self:
        """Start to listen.

        Raises:
            OSError: the port is taken.
        """
        self._own_upstream = self._upstream is None
        upstream = self._upstream or LeanUpstream()
        self._running_upstream = upstream
        self._sockets = WebSocketUpstream()
        worlds = Worlds(self._snapshots, self._config.targets)
        models = ModelList(self._offers) if self._offers is not None else None
        pipeline = Pipeline(
            self._config,
            self._recorder,
            upstream,
            worlds,
            self._gate,
            self._cache,
            models,
            self._sockets,
        )
        self._proxy = Proxy(self._config, self._recorder, pipeline, self.metrics)
        self._http = EdgeHttpServer(
            self._handle,
            self._proxy.refuse,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=KEEPALIVE_S,
            lingering_time=2.0,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            max_headers=MAX_HEADERS,
        )
        try:
            self._listener = await asyncio.get_running_loop().create_server(
                self._http,
                self._config.host,
                self._config.port,
                backlog=1024,
                reuse_port=self._reuse_port or None,
            )
        except BaseException:
            await self._close_upstream()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop at once, if `stop` did not already."""
        await self.stop(Deadline.after(0))

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port: int = self._listener.sockets[0].getsockname()[1] if self._listener.sockets else 0
        return port

    @property
    def in_flight(self) -> int:
        """Calls that have begun and not ended."""
        return self._proxy.in_flight

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://{self._config.host}:{self.port}"

    async def stop(self, deadline: Deadline) -> None:
        """Take no more connections, let calls end until the deadline, then cancel and record the rest."""
        self._listener.close()
        self._proxy.stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline.remaining_s()):
                await self._proxy.idle.wait()
        if self._proxy.in_flight:
            log.warning("%d calls are cut off by the shutdown", self._proxy.in_flight)
        # Waits that long for handlers, and as long again for those that it cancels.
        await self._http.shutdown(timeout=0.2)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._listener.wait_closed()
        await self._close_upstream()

    async def _close_upstream(self) -> None:
        await self._sockets.close()
        if self._own_upstream:
            await self._running_upstream.close()

    async def _handle(self, request: BaseRequest) -> Answered:
        admin = self._admin.get(request.raw_path)
        if admin is None or request.method not in {"GET", "HEAD"}:
            return await self._proxy.handle(request)
        status, content_type, body = admin()
        # Workers share the port: over a connection that is kept, Prometheus would see one of them alone.
        keep = not self._proxy.stopping and request.raw_path != "/metrics"
        writer = AnswerWriter(request, keep_alive=keep)
        await writer.whole(status, "", [(b"Content-Type", content_type)], body)
        return writer.answered()

    def _healthz(self) -> tuple[int, bytes, bytes]:
        return 200, _JSON, b'{"status":"ok"}'

    def _readyz(self) -> tuple[int, bytes, bytes]:
        """Ready means: calls are taken. It does not depend on what comes behind the outbox."""
        if self._proxy.stopping:
            return 503, _JSON, b'{"status":"stopping"}'
        if self._recorder.refusing:
            return 503, _JSON, b'{"status":"outbox_full"}'
        return 200, _JSON, b'{"status":"ready"}'

    def _metrics(self) -> tuple[int, bytes, bytes]:
        return 200, CONTENT_TYPE.encode(), self.metrics.exposition()
