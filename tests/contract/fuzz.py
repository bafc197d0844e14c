"""Requests made up at random, sent byte for byte, and what may come back."""

import os
import socket
import time
from collections import Counter
from dataclasses import dataclass, field

import orjson
from hypothesis import strategies as st

FUZZ_S = float(os.environ.get("TALLYGATE_TEST_FUZZ_S", "20"))
"""How long each surface is fuzzed."""
ALLOWED = {502, 503, 504}
ANSWER_S = 15.0
GIVE_UP_S = 0.05
"""After which a request that is no whole request is given up."""

GATEWAY = (
    "Cache-Enabled", "Cache-Read", "Cache-Save", "Cache-Seed", "Cache-Bucket-Max-Size", "Cache-Ignore-Keys",
    "Retry-Enabled", "Retry-Num", "Retry-Factor", "Retry-Min-Timeout", "Retry-Max-Timeout", "Fallback-Model",
    "Fallback-OnCodes", "Fallbacks", "RateLimit-Policy", "Model-Override", "Omit-Request", "Omit-Response",
    "Target-URL", "Timeout", "Webhook-Enabled", "User-Id", "Session-Id", "Session-Name", "Session-Path",
    "Request-Id", "Prompt-Id", "Prompt-Version", "Property-App", "Property-", "Auth", "Drop-Unsupported",
    "Nothing",
)  # fmt: skip
PLAIN = (
    "Cache-Control", "Content-Type", "Accept", "Accept-Encoding", "Content-Encoding", "Expect", "Range",
    "Upgrade", "TE", "Cookie", "x-api-key", "anthropic-version", "traceparent", "Host", "Origin",
)  # fmt: skip
VALUES = (
    "", "true", "false", "1", "0", "-1", "3", "1e9", "nan", "inf", "99999999999999999999", "gzip", "null",
    "100;w=60", "100;w=60;s=user", "1;w=0;u=cents", ";;;", "[]", "{}", '[{"model":"gpt-4o"}]',
    '[{"target-url":"http://127.0.0.1:1"}]', "http://127.0.0.1:1/", "http://[", "gpt-4o,gpt-4o-mini",
    "500-599", "max-age=60", "max-age=x", "Bearer tg-1", "multipart/form-data", "websocket",
    "multipart/form-data; boundary=x", "application/json; charset=\xff", "100-continue",
)  # fmt: skip
PATHS = (
    "/", "/v1/chat/completions", "/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings",
    "/v1/models", "/v1/models/gpt-4o", "/v1/files", "/v1/audio/transcriptions", "/v1/realtime", "/v1/nothing",
    "/openai/v1/chat/completions", "/anthropic/v1/messages", "/google/v1beta/models/gemini-2.5-flash:x",
    "/google/v1beta/models/gemini-2.5-flash:generateContent", "/nobody/v1/x", "//", "/%00", "/..%2f..",
    "/%zz", "/v1/chat/completions?x=%ff&&=", "*", "http://x/v1/models", "/healthz", "/readyz", "/metrics",
)  # fmt: skip
API_PATHS = (
    "/api/v1/sql", "/api/v1/requests", "/api/v1/requests/x", "/api/v1/usage", "/api/v1/info", "/api/v1/",
    "/api/v1/keys", "/", "/app.js", "/healthz", "/%00", "/api/v1/requests/%ff",
)  # fmt: skip
FIELDS = (
    "max_tokens", "tools", "tool_choice", "response_format", "stop", "temperature", "input", "stream_options",
    "user", "system", "thinking", "seed", "contents", "instructions",
)  # fmt: skip
QUERIES = ("limit", "cursor", "from", "to", "model", "project", "group_by", "property", "status", "user")
MODELS = st.sampled_from(["gpt-4o", "claude-sonnet-4-6", "gemini-2.5-flash", "openai/x", "gpt-4o,x", "", "/"])
METHODS = st.sampled_from(["GET", "POST", "POST", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "FOO"])

_junk = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
_content = st.one_of(
    st.text(max_size=20),
    st.lists(
        st.fixed_dictionaries({"type": st.sampled_from(["text", "image_url", "x"]), "text": _json}),
        max_size=2,
    ),
    _json,
)
_message = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "system", "x"]), "content": _content},
    optional={"tool_calls": _json, "tool_call_id": _json},
)
_call = st.fixed_dictionaries(
    {"model": MODELS | _json, "messages": st.lists(_message, max_size=3) | _json},
    optional=dict.fromkeys(FIELDS, _json) | {"stream": st.booleans() | _json},
)  # fmt: skip
_sql = st.fixed_dictionaries(
    {
        "query": st.sampled_from(["SELECT 1", "SELECT * FROM calls", "SELECT (", "DROP TABLE calls"])
        | st.text()
    },
    optional={"parameters": _json, "format": _json},
)


def _dumps(value: object) -> bytes:
    return orjson.dumps(value)


BODIES = st.one_of(
    _call.map(_dumps),
    _json.map(_dumps),
    _call.map(_dumps).map(lambda body: body[:-3]),
    st.binary(max_size=80),
    st.just(b'{"model":"gpt-4o","messages":[{"role":"user","content":"\xff\xfe"}]}'),
    st.just(b"[" * 5000),
    st.just(b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\ngpt-4o\r\n--x--\r\n'),
    st.just(b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n\xff'),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(PLAIN)
        | st.builds("{}-{}".format, st.sampled_from(["Tallygate", "Helicone"]), st.sampled_from(GATEWAY)),
        st.sampled_from(VALUES) | _junk,
    ),
    max_size=3,
)
FRAMINGS = st.sampled_from([*["length"] * 9, *["chunked"] * 3, "short", "long", "bad-chunk", "both", "none"])


@dataclass(frozen=True)
class Made:
    """A request."""

    raw: bytes
    whole: bool
    """Whether it is a request that must be answered."""


@st.composite
def requests(draw: st.DrawFn, paths: tuple[str, ...], bodies: st.SearchStrategy[bytes]) -> Made:
    """Any request to one of the paths, or to a path that is near."""
    method, path = draw(METHODS), draw(st.sampled_from((*paths, "")))
    headers, body, framing = draw(HEADERS), draw(bodies), draw(FRAMINGS)
    path = path or draw(st.from_regex(r"\A/[!-~]{0,20}\Z"))
    # aiohttp itself answers an `Expect` that is not ASCII with 500, before any handler of ours.
    headers = [(name, value) for name, value in headers if name != "Expect" or value.isascii()]
    asked = dict.fromkeys(name.lower() for name, _ in headers)
    own = [("Authorization", "Bearer sk-test"), ("Connection", "close")]
    own += [] if "host" in asked else [("Host", "127.0.0.1")]
    own += [] if "content-type" in asked else [("Content-Type", "application/json")]
    lines = [f"{name}: {value}" for name, value in [*own, *headers]]
    framed, content = _frame(framing, body)
    head = "\r\n".join([f"{method} {path} HTTP/1.1", *lines, *framed, "", ""])
    whole = framing in ("length", "chunked") and not {"expect", "upgrade"} & asked.keys()
    return Made(head.encode("latin-1") + content, whole)


@st.composite
def api_requests(draw: st.DrawFn) -> Made:
    """Any request to the query API."""
    names = st.sampled_from(QUERIES)
    query = draw(st.lists(st.tuples(names, st.from_regex(r"\A[!-~]{0,12}\Z")), max_size=3))
    tail = "?" + "&".join(f"{name}={value}" for name, value in query) if query else ""
    return draw(requests(tuple(path + tail for path in API_PATHS), _sql.map(_dumps) | BODIES))


def _frame(framing: str, body: bytes) -> tuple[list[str], bytes]:
    length, chunked = f"Content-Length: {len(body)}", "Transfer-Encoding: chunked"
    chunks = b"%x;a=b\r\n%b\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    return {
        "length": ([length], body),
        "chunked": ([chunked], chunks),
        "short": ([f"Content-Length: {len(body) + 5}"], body),
        "long": ([f"Content-Length: {max(0, len(body) - 2)}"], body),
        "bad-chunk": ([chunked], b"zz\r\n" + body),
        "both": ([length, chunked], chunks),
        "none": ([], body),
    }[framing]


@dataclass
class Counts:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    slowest_s: float = 0.0
    faults: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Requests, and the answers that they must not have."""

    def sent(self) -> int:
        """How many requests were sent."""
        return sum(self.statuses.values())

    def send(self, port: int, made: Made) -> None:
        """Send a request; count its answer's status, 0 where there is none. What must not be is kept."""
        begin = time.monotonic()
        answer = exchange(port, made)
        self.slowest_s = max(self.slowest_s, time.monotonic() - begin)
        status = int(answer[9:12]) if answer.startswith(b"HTTP/1.") else 0
        self.statuses[status] += 1
        failed = status >= 500 and status not in ALLOWED
        if failed or (made.whole and not status):
            self.faults.append((made.raw, answer))


def exchange(port: int, made: Made) -> bytes:
    """Send bytes on a connection of their own and read to its end, as long as one waits for them."""
    limit_s = ANSWER_S if made.whole else GIVE_UP_S
    parts = []
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S) as connection:
        connection.settimeout(limit_s)
        try:
            connection.sendall(made.raw)
            while part := connection.recv(65536):
                parts.append(part)
        except TimeoutError:
            return b"" if made.whole else b"".join(parts)
        except ConnectionError:
            pass
    return b"".join(parts)
