"""What the provider gets and what the caller gets, byte for byte."""

import asyncio
import gzip
import json
from pathlib import Path

import pytest

from tests.support.edge import running_edge
from tests.support.provider import Received, answering, http

CHAT = b'{ "model":"gpt-4o",\n "messages" : [], "unknown":1.0e2 }'


async def test_a_call_is_forwarded_and_recorded(tmp_path: Path) -> None:
    answer = b'{"model":"gpt-4o-2024","usage":{"prompt_tokens":3,"completion_tokens":2},  "x":1}'
    provider_headers = {
        "X_Request_Id": "req-1",
        "x_ratelimit_remaining_requests": "9",
        "Connection": "keep-alive",
    }
    async with running_edge(tmp_path, answering(http(answer, **provider_headers))) as edge:
        headers = {
            "Authorization": "Bearer sk-callers-own",
            "Helicone-User-Id": "bob",
            "Helicone-Property-Feature": "search",
            "X-Custom": "kept",
        }
        async with edge.client.post(
            edge.url + "/v1/chat/completions?a=1", data=CHAT, headers=headers
        ) as response:
            assert (response.status, await response.read()) == (200, answer)
            assert response.headers["X-Request-Id"] == "req-1"
            assert response.headers["Tallygate-Provider"] == "openai"
            assert response.headers["Tallygate-Model"] == "gpt-4o"
            assert response.headers["Tallygate-Attempts"] == "1"
            call_id = response.headers["Tallygate-Id"]
            assert response.headers["Helicone-Id"] == call_id
        sent = edge.provider.last
        assert (sent.method, sent.target, sent.body) == ("POST", "/v1/chat/completions?a=1", CHAT)
        assert sent.header("authorization") == "Bearer sk-callers-own"
        assert sent.header("x-custom") == "kept"
        assert not [name for name, _ in sent.headers if name.lower().startswith(("helicone", "tallygate"))]
        requests, responses = edge.events()
    assert [event.request_id for event in requests] == [call_id]
    event = responses[0]
    assert (event.request_id, event.user_id, event.properties) == (call_id, "bob", {"Feature": "search"})
    assert (event.path, event.endpoint, event.method) == ("/v1/chat/completions", "chat/completions", "POST")
    assert (event.model_requested, event.model, event.provider) == ("gpt-4o", "gpt-4o-2024", "openai")
    assert (event.status, event.outcome, event.stream) == (200, "ok", False)
    assert (event.usage, event.usage_flavor) == ({"prompt_tokens": 3, "completion_tokens": 2}, "openai.chat")
    assert (event.provider_request_id, event.rate_limit) == ("req-1", {"x-ratelimit-remaining-requests": "9"})
    assert event.request_body is not None
    assert event.request_body.text == CHAT.decode()
    assert event.response_body is not None
    assert event.response_body.text == answer.decode()
    assert [(a.provider, a.status, a.error) for a in event.attempts] == [("openai", 200, "")]
    assert 0 <= (event.ttft_us or 0) <= event.latency_us
    assert event.received_at_us <= event.ended_at_us


@pytest.mark.parametrize(
    ("path", "target", "body"),
    [
        ("/chat/completions", "/v1/chat/completions", CHAT),
        ("/v1/embeddings", "/v1/embeddings", b'{"model":"text-embedding-3-small","input":"x"}'),
        ("/v1/responses", "/v1/responses", b'{"model":"gpt-4o","input":"x"}'),
        ("/v1/moderations", "/v1/moderations", b'{"input":"x"}'),
        ("/v1/some/new%2Fthing?x=%20&y", "/v1/some/new%2Fthing?x=%20&y", b"\x00\xff anything"),
        ("/v1/messages", "/v1/messages", b'{"model":"claude-x","messages":[]}'),
        ("/anthropic/v1/messages", "/v1/messages", b'{"model":"claude-x"}'),
        ("/groq/openai/v1/chat/completions", "/openai/v1/chat/completions", b'{"model":"llama"}'),
        ("/google/v1beta/models/g:generateContent", "/v1beta/models/g:generateContent", b"{}"),
    ],
)
async def test_paths_and_bodies_stay(path: str, target: str, body: bytes, tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http())) as edge:
        raw = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        assert (await edge.raw(raw.encode() + body)).startswith(b"HTTP/1.1 200 OK\r\n")
        assert (edge.provider.last.target, edge.provider.last.body) == (target, body)
        assert edge.responses()[0].path == path.partition("?")[0]


@pytest.mark.parametrize(
    ("model", "provider", "target", "name"),
    [
        ("openai/gpt-4o", "openai", "/v1/chat/completions", "gpt-4o"),
        ("command-r", "cohere", "/compatibility/v1/chat/completions", "command-r"),
        ("groq/llama", "groq", "/openai/v1/chat/completions", "llama"),
        ("sonar", "perplexity", "/chat/completions", "sonar"),
        ("fireworks/accounts/x", "fireworks", "/inference/v1/chat/completions", "accounts/x"),
    ],
)
async def test_the_model_says_where_a_call_goes(
    model: str, provider: str, target: str, name: str, tmp_path: Path
) -> None:
    async with running_edge(tmp_path, answering(http())) as edge:
        await edge.post("/v1/chat/completions", {"model": model, "messages": []})
        assert edge.provider.last.target == target
        assert json.loads(edge.provider.last.body) == {"model": name, "messages": []}
        event = edge.responses()[0]
    assert (event.provider, event.model, event.model_requested) == (provider, name, model)


@pytest.mark.parametrize(
    ("model", "provider", "target"),
    [
        ("claude-x", "anthropic", "/v1/embeddings"),
        ("gemini-x", "google", "/v1beta/openai/embeddings"),
    ],
)
async def test_what_has_no_translation_goes_to_the_compatible_api(
    model: str, provider: str, target: str, tmp_path: Path
) -> None:
    async with running_edge(tmp_path, answering(http())) as edge:
        await edge.post("/v1/embeddings", {"model": model, "input": "x"})
        assert edge.provider.last.target == target
        assert edge.responses()[0].provider == provider


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD"])
async def test_other_methods(method: str, tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http(b"" if method == "HEAD" else b"ok"))) as edge:
        async with edge.client.request(method, edge.url + "/v1/files/f-1") as response:
            assert response.status == 200
        assert (edge.provider.last.method, edge.provider.last.target) == (method, "/v1/files/f-1")
        assert edge.responses()[0].method == method


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_answers_without_a_body(status: str, tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(f"HTTP/1.1 {status}\r\nX-A: b\r\n\r\n".encode())) as edge:
        reply = await edge.raw(b"GET /v1/files HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status.encode())
    assert b"X-A: b" in head
    assert b"Content-Length" not in head
    assert body == b""


async def test_the_length_of_a_head_answer_stays(tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")) as edge:
        reply = await edge.raw(b"HEAD /v1/files HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"Content-Length: 1234\r\n" in reply
    assert reply.endswith(b"\r\n\r\n")


async def test_a_redirect_is_an_answer(tmp_path: Path) -> None:
    redirect = http(b"", "302 Found", Location="http://elsewhere/")
    async with (
        running_edge(tmp_path, answering(redirect)) as edge,
        edge.client.get(edge.url + "/v1/files", allow_redirects=False) as response,
    ):
        assert (response.status, response.headers["Location"]) == (302, "http://elsewhere/")


async def test_answers_of_http10_end_with_the_connection(tmp_path: Path) -> None:
    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end")
        await writer.drain()
        writer.close()

    async with running_edge(tmp_path, handler) as edge:
        async with edge.client.get(edge.url + "/v1/files") as response:
            assert await response.read() == b"until the end"
        reply = await edge.raw(b"GET /v1/files HTTP/1.0\r\n\r\n")
    assert reply.endswith(b"until the end")
    assert b"chunked" not in reply


async def test_a_compressed_answer_passes_as_it_is_and_is_understood(tmp_path: Path) -> None:
    answer = b'{"model":"m","usage":{"prompt_tokens":7}}'
    packed = gzip.compress(answer)
    async with running_edge(tmp_path, answering(http(packed, Content_Encoding="gzip"))) as edge:
        headers = {"Accept-Encoding": "gzip, br"}
        async with edge.client.post(edge.url + "/v1/embeddings", json={}, headers=headers) as response:
            assert await response.read() == packed
            assert response.headers["Content-Encoding"] == "gzip"
        assert edge.provider.last.header("accept-encoding") == "gzip"
        event = edge.responses()[0]
    assert event.usage == {"prompt_tokens": 7}
    assert event.response_body is not None
    assert (event.response_body.text, event.response_body.size_bytes) == (answer.decode(), len(packed))


async def test_a_chunked_json_answer(tmp_path: Path) -> None:
    parts = [b'{"usage":', b'{"prompt_tokens":1}', b"}"]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    coded = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])
    async with running_edge(tmp_path, answering(head + coded)) as edge:
        status, body = await edge.post("/v1/embeddings", {"model": "text-embedding-3-small"})
        assert (status, body) == (200, b"".join(parts))
        assert edge.responses()[0].usage == {"prompt_tokens": 1}


async def test_the_callers_request_id_is_used(tmp_path: Path) -> None:
    request_id = "0190f3a1-7c3d-4aaa-8bbb-0123456789ab"
    async with running_edge(tmp_path, answering(http())) as edge:
        await edge.post("/v1/embeddings", {"model": "gpt-4o"}, headers={"Helicone-Request-Id": request_id})
        assert [event.request_id for event in edge.responses()] == [request_id]


@pytest.mark.parametrize(
    ("body", "user"),
    [
        ({"user": "from-body"}, "from-body"),
        ({"metadata": {"user_id": "u"}}, "u"),
        ({"user": 5}, ""),
        ({}, ""),
    ],
)
async def test_the_user_may_come_in_the_body(body: dict[str, object], user: str, tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http())) as edge:
        await edge.post("/v1/chat/completions", {"model": "gpt-4o"} | body)
        assert edge.responses()[0].user_id == user


async def test_bodies_can_be_left_out_of_the_record(tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http(b'{"usage":{"prompt_tokens":1}}'))) as edge:
        headers = {"Tallygate-Omit-Request": "true", "Helicone-Omit-Response": "true"}
        await edge.post("/v1/embeddings", {"model": "gpt-4o"}, headers=headers)
        event = edge.responses()[0]
    assert (event.request_body, event.response_body) == (None, None)
    assert event.usage == {"prompt_tokens": 1}


async def test_the_connection_is_kept_for_further_calls(tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http(b"{}"))) as edge:
        request = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
        last = b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        reply = await edge.raw(request * 3 + last)
        assert reply.count(b"HTTP/1.1 200 OK\r\n") == 4
        assert len(edge.responses()) == 4


async def test_metrics_close_the_connection_so_that_the_next_reading_can_meet_another_worker(
    tmp_path: Path,
) -> None:
    async with running_edge(tmp_path, answering(http())) as edge:
        reply = await edge.raw(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        assert reply.count(b"HTTP/1.1 200 OK\r\n") == 1
        assert b"connection: close" in reply.lower()


async def test_health_and_metrics(tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http())) as edge:
        await edge.post("/v1/embeddings", {"model": "gpt-4o"})
        for path in ("/healthz", "/readyz", "/metrics"):
            async with edge.client.get(edge.url + path) as response:
                assert response.status == 200
                text = await response.text()
        assert (
            'tallygate_edge_calls_total{outcome="ok",provider="openai",status="2xx",worker="0"} 1.0' in text
        )
        assert "tallygate_edge_outbox_bytes" in text
        assert len(edge.responses()) == 1
