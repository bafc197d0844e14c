"""Bad requests: an error in the shape of the caller's SDK, recorded, and nothing reaches the provider."""

import json
from pathlib import Path

import pytest

from tests.support.edge import Edge, running_edge
from tests.support.provider import answering, http

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


def parse(reply: bytes) -> tuple[int, dict[str, object]]:
    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head.lower()
    error: dict[str, object] = json.loads(body)["error"]
    return int(head.split(b" ")[1]), error


def assert_refused(edge: Edge, status: int, code: str) -> None:
    assert not edge.provider.received
    requests, responses = edge.events()
    assert len(requests) == len(responses) == 1
    assert (responses[0].status, responses[0].outcome, responses[0].error_code) == (status, "rejected", code)


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "param"),
    [
        ("/v1/chat/completions", b"not json", 400, "invalid_request", None),
        ("/v1/chat/completions", b"\xff\xfe\x00", 400, "invalid_request", None),
        ("/v1/chat/completions", b"", 400, "invalid_request", None),
        ("/v1/chat/completions", b"[]", 400, "invalid_request", None),
        ("/v1/chat/completions", b'{"model":', 400, "invalid_request", None),
        ("/v1/chat/completions", b'{"model":5}', 400, "invalid_request", "model"),
        ("/v1/chat/completions", b'{"model":null,"stream":"yes"}', 400, "invalid_request", "stream"),
        ("/v1/chat/completions", b'{"model":"no-such-model"}', 404, "model_not_found", "model"),
        ("/v1/chat/completions", b'{"model":"a\\u0000b"}', 404, "model_not_found", "model"),
        ("/v1/embeddings", b'{"model":"claud-sonnet-4-5"}', 404, "model_not_found", "model"),
        ("/v1/responses", b'{"model":{}}', 400, "invalid_request", "model"),
        ("/completions", b"{", 400, "invalid_request", None),
        ("/nowhere", b"{}", 404, "not_found", None),
        ("/", b"", 404, "not_found", None),
        ("/v1/../admin", b"{}", 400, "invalid_request", None),
        ("/openai/%2e%2e/admin", b"{}", 400, "invalid_request", None),
    ],
)
async def test_refused(
    path: str, body: bytes, status: int, code: str, param: str | None, tmp_path: Path
) -> None:
    async with running_edge(tmp_path, answering(http())) as edge:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        got, error = parse(await edge.raw(head.encode() + body))
        assert (got, error["code"], error["param"]) == (status, code, param)
        assert (error["type"], bool(error["message"])) == ("tallygate_error", True)
        assert_refused(edge, status, code)


async def test_near_names_are_told(tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http())) as edge:
        _, body = await edge.post("/v1/chat/completions", {"model": "claud-sonnet-4-5"})
        assert b"claude-sonnet-4-5" in body


@pytest.mark.parametrize("body", [b"not json", b'{"model":"openai/gpt-4o"}', b'{"model":1}'])
async def test_anthropics_dialect_has_its_own_errors(body: bytes, tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http())) as edge:
        status, reply = await edge.post("/v1/messages", body)
        error = json.loads(reply)
        assert (status, error["type"], error["error"]["type"]) == (400, "error", "invalid_request_error")
        assert_refused(edge, 400, "invalid_request")


@pytest.mark.parametrize(
    "header",
    [
        "Helicone-Omit-Request: perhaps",
        "Tallygate-Request-Id: 12",
        "Tallygate-Timeout: soon",
        "Helicone-Property-" + "x" * 65 + ": 1",
    ],
)
async def test_bad_headers_are_named(header: str, tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http())) as edge:
        reply = await edge.raw(HEAD + header.encode() + b"\r\nContent-Length: 2\r\n\r\n{}")
        status, error = parse(reply)
        assert (status, error["code"]) == (400, "invalid_header")
        assert header.partition(":")[0] in str(error["message"])
        assert_refused(edge, 400, "invalid_header")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (HEAD + b"X-Huge: " + b"x" * 40_000 + b"\r\n\r\n", 431),
        (HEAD + b"X-Huge: " + b"x" * 2_000_000 + b"\r\n\r\n", 431),
        (HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(500)) + b"\r\n", 431),
        (b"GET /v1/" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (HEAD + b"Bad Header\r\n\r\n", 400),
        (HEAD + b"X: a\x00b\r\n\r\n", 400),
        (HEAD + b"Content-Length: abc\r\n\r\n", 400),
        (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GARBAGE\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/9.9\r\n\r\n", 400),
    ],
)
async def test_what_is_not_http(request_bytes: bytes, status: int, tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http())) as edge:
        got, error = parse(await edge.raw(request_bytes))
        assert got == status
        assert error["type"] == "tallygate_error"
        assert_refused(edge, status, "headers_too_large" if status == 431 else "invalid_request")


async def test_broken_chunks(tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http())) as edge:
        reply = await edge.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab\r\nzz\r\n")
        status, error = parse(reply)
        assert (status, error["code"]) == (400, "invalid_request")


async def test_odd_targets(tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http())) as edge:
        for target, status in (
            (b"http://other.example/v1/models?x=1", 200),
            ("/v1/modelé".encode(), 400),
            (b"/v1/model\xff", 400),
        ):
            reply = await edge.raw(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert reply.startswith(b"HTTP/1.1 %d " % status), target
        assert [received.target for received in edge.provider.received] == ["/v1/models?x=1"]


async def test_after_an_error_the_connection_goes_on(tmp_path: Path) -> None:
    bad = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nbad"
    async with running_edge(tmp_path, answering(http())) as edge:
        reply = await edge.raw(bad + bad + HEAD + b'Content-Length: 18\r\n\r\n{"model":"gpt-4o"}')
        assert reply.count(b"HTTP/1.1 400 ") == 2
        assert reply.count(b"HTTP/1.1 200 ") == 1
