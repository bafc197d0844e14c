"""Logging of every process: plain or JSON lines on standard error, never a secret in them."""

import logging
import re
import sys
import time
from typing import Literal

import orjson

LogFormat = Literal["plain", "json"]

HIDDEN = "…"
_SECRETS = (
    # Keys as the providers and the gateway write them.
    re.compile(r"\b((?:sk|tg|gsk|xai|pplx|csk|fw|tgp|r8)[-_])[A-Za-z0-9_\-.]{6,}"),
    re.compile(r"\b(AIza)[A-Za-z0-9_\-]{20,}"),
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)[^\s'\",;)}\]]+"),
    # `x-api-key: …`, `api_key=…`, `"password": "…"` and the like.
    re.compile(
        r"(?i)((?:api[-_]?key|authorization|password|secret|token)['\"]?\s*[:=]\s*(?:[brf]?['\"])?)"
        r"(?!\*{3}|bearer|basic|null|none|true|false|[{\[])[^\s'\",;&)}\]]{4,}"
    ),
    re.compile(r"([?&]key=)[^\s&'\"]+"),
    # User and password in a URL.
    re.compile(r"(\w+://)[^\s/@'\"]+@"),
)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def redact(text: str) -> str:
    """The text with everything that looks like a credential cut down to its first characters."""
    for pattern in _SECRETS:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return text


class PlainFormatter(logging.Formatter):
    """For people: time, level, process, message."""

    def __init__(self, process: str) -> None:
        super().__init__(
            f"%(asctime)s.%(msecs)03dZ %(levelname)-7s {process} %(message)s", "%Y-%m-%dT%H:%M:%S"
        )
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """One record, its traceback included."""
        return redact(super().format(record))


class JsonFormatter(logging.Formatter):
    """For machines: one object a line."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """One record; what was given as `extra` becomes fields."""
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: str(value) for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        safe = {key: redact(str(value)) for key, value in line.items()}
        return orjson.dumps(safe).decode()


def configure(process: str, level: str, log_format: LogFormat) -> None:
    """Set up the root logger of this process; replaces what was there."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(process) if log_format == "json" else PlainFormatter(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("aiokafka", "asyncio", "clickhouse_connect", "faust", "mode"):
        logging.getLogger(noisy).setLevel(max(root.level, logging.WARNING))
    # It warns of every refused connection; who retries says so too.
    logging.getLogger("urllib3").setLevel(max(root.level, logging.ERROR))
    logging.captureWarnings(True)
