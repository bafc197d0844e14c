"""A tap between the gateway and a provider: it keeps every byte that passes."""

import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import orjson

METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS")
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call as the provider saw it."""

    at_s: float
    """When it arrived, on the monotonic clock."""
    method: str
    target: str
    headers: dict[str, str]
    """Names in lower case."""
    sent: bytes
    status: int
    got: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The request's body."""
        body: dict[str, Any] = orjson.loads(self.sent)
        return body


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


class Tap:
    """Forwards to a provider, whole answers at a time."""

    def __init__(self, upstream: str) -> None:
        self.exchanges: list[Exchange] = []
        self._client = httpx2.Client(
            base_url=upstream, timeout=60, limits=httpx2.Limits(max_connections=600), trust_env=False
        )
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def since(self, begin: int) -> list[Exchange]:
        """What has passed since there were so many."""
        return self.exchanges[begin:]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._client.close()

    def _pass(self, method: str, target: str, headers: dict[str, str], sent: bytes) -> httpx2.Response:
        kept = {
            name.encode("latin-1"): value.encode("latin-1")
            for name, value in headers.items()
            if name not in HOP_BY_HOP
        }
        at_s = time.monotonic()
        answer = self._client.request(method, target, headers=kept, content=sent)
        self.exchanges.append(
            Exchange(at_s, method, target, headers, sent, answer.status_code, answer.content)
        )
        return answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        tap = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _forward(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                sent = _body(self, headers)
                answer = tap._pass(self.command, self.path, headers, sent)
                self.send_response_only(answer.status_code)
                for name, value in answer.headers.items():
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                """Say nothing."""

        for method in METHODS:
            setattr(Handler, f"do_{method}", Handler._forward)
        return Handler


def _body(handler: BaseHTTPRequestHandler, headers: dict[str, str]) -> bytes:
    """Read a body, chunked or of a known length."""
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        return handler.rfile.read(int(headers.get("content-length", 0)))
    parts = []
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(parts)
