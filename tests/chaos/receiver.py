"""A receiver of webhooks that checks every signature and keeps what came."""

import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import orjson
from standardwebhooks import Webhook, WebhookVerificationError


class Receiver:
    """Listens on a loopback port. It lives as long as the block."""

    networks = '["127.0.0.0/8"]'
    """Where it is, as the setting `notify.allow_private` wants it."""

    def __init__(self) -> None:
        self.came: Counter[str] = Counter()
        """How often each `webhook-id` came and was accepted."""
        self.payloads: dict[str, dict[str, Any]] = {}
        self.forged: list[str] = []
        self.secret = ""
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._thread = threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True)

    @property
    def url(self) -> str:
        """Where webhooks go."""
        return f"http://127.0.0.1:{self._server.server_port}/alerts"

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """One webhook; the status to answer."""
        with self._lock:
            try:
                Webhook(self.secret).verify(body, headers)
            except WebhookVerificationError as error:
                self.forged.append(f"{error}: {body[:200]!r}")
                return 401
            self.came[headers["webhook-id"]] += 1
            self.payloads[headers["webhook-id"]] = orjson.loads(body)
        return 204

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(receiver.take(headers, body))
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                """Nothing: the test tells what came."""

        return Handler

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
