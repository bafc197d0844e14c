"""Retries, fallbacks, deployments and breakers, as callers see them."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from tallygate.control.snapshot import Deployment, Snapshot
from tallygate.runtime.config import ProviderConfig
from tests.support.edge import edge_before, running_edge
from tests.support.provider import SSE_HEAD, Handler, Received, chunk, http, running_provider

HI = [{"role": "user", "content": "Hi"}]
CHAT = {"model": "gpt-4o", "messages": HI}
RETRY = {"Helicone-Retry-Enabled": "true", "Helicone-Retry-Min-Timeout": "1"}
OK = http(b'{"id":"c","model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}')


def failing(times: int, answer: bytes = http(b'{"error":{"message":"no"}}', "503 Unavailable")) -> Handler:
    """Fails so many times, then answers."""
    left = [times]

    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        left[0] -= 1
        if left[0] < 0:
            writer.write(OK)
        elif answer:
            writer.write(answer)
        else:
            writer.close()

    return handler


def by_model(answers: dict[str, bytes]) -> Handler:
    """Answers by the model that is asked."""

    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.get(json.loads(received.body)["model"], OK))

    return handler


@pytest.mark.parametrize(
    "answer",
    [
        *(http(b"{}", f"{status} x") for status in (408, 409, 429, 500, 502, 503, 504, 522, 529)),
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
    ],
)
async def test_what_may_heal_is_tried_again(answer: bytes, tmp_path: Path) -> None:
    handler = failing(2, answer)
    if answer.endswith(b"short"):
        handler = closing_after(handler)
    async with running_edge(tmp_path, handler) as edge:
        async with edge.client.post(edge.url + "/v1/chat/completions", json=CHAT, headers=RETRY) as response:
            assert (response.status, await response.read()) == (200, OK.split(b"\r\n\r\n")[1])
            assert response.headers["Tallygate-Attempts"] == "3"
            assert response.headers["Tallygate-Fallback-Index"] == "0"
        assert [json.loads(each.body) for each in edge.provider.received] == [CHAT] * 3
        event = edge.responses()[0]
    assert (event.outcome, event.status, len(event.attempts)) == ("ok", 200, 3)
    assert event.usage == {"prompt_tokens": 1, "completion_tokens": 1}
    assert [bool(each.error) for each in event.attempts] == [True, True, False]


def closing_after(handler: Handler) -> Handler:
    async def closing(received: Received, writer: asyncio.StreamWriter) -> None:
        await handler(received, writer)
        writer.close()

    return closing


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_the_callers_own_mistakes_are_not(status: int, tmp_path: Path) -> None:
    async with running_edge(tmp_path, failing(9, http(b'{"mistake":1}', f"{status} x"))) as edge:
        found, body = await edge.post(
            "/v1/chat/completions", CHAT, headers=RETRY | {"Helicone-Fallback-Model": "gpt-4o-mini"}
        )
        assert (found, body, len(edge.provider.received)) == (status, b'{"mistake":1}', 1)


async def test_the_last_failure_is_the_callers_answer(tmp_path: Path) -> None:
    answer = http(
        b'{"error":{"message":"slow down"}}', "429 Too Many", Retry_After_Ms="5", X_Request_Id="r-9"
    )
    async with running_edge(tmp_path, failing(9, answer)) as edge:
        headers = RETRY | {"Helicone-Retry-Num": "2"}
        async with edge.client.post(
            edge.url + "/v1/chat/completions", json=CHAT, headers=headers
        ) as response:
            assert (response.status, response.headers["retry-after-ms"]) == (429, "5")
            assert b"slow down" in await response.read()
        event = edge.responses()[0]
    assert [each.status for each in event.attempts] == [429] * 3
    assert all(each.delay_us >= 5_000 for each in event.attempts[1:])
    assert (event.status, event.outcome, event.provider_request_id) == (429, "provider_error", "r-9")


async def test_helicones_guide_retries(tmp_path: Path) -> None:
    async with running_edge(tmp_path, failing(1, http(b"{}", "429 Too Many"))) as edge:
        async with openai.AsyncOpenAI(
            base_url=edge.url + "/v1",
            api_key="sk-own",
            max_retries=0,
            default_headers={
                "Helicone-Auth": "Bearer sk-helicone-x",
                "Helicone-Retry-Enabled": "true",
                "Helicone-Retry-Num": "3",
                "Helicone-Retry-Factor": "2",
                "Helicone-Retry-Min-Timeout": "1",
                "Helicone-Retry-Max-Timeout": "10",
            },
        ) as client:
            answer = await client.chat.completions.create(model="gpt-4o", messages=HI)  # type: ignore[arg-type]
        assert answer.usage is not None


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_helicones_guide_falls_back(status: int, tmp_path: Path) -> None:
    answers = {"gpt-4o": http(b"{}", f"{status} x")}
    async with running_edge(tmp_path, by_model(answers)) as edge:
        headers = {"Helicone-Fallback-Model": "gpt-4o-mini", "Helicone-Fallback-OnCodes": "429,500,503"}
        async with edge.client.post(
            edge.url + "/v1/chat/completions", json=CHAT, headers=headers
        ) as response:
            assert response.status == 200
            assert response.headers["Tallygate-Model"] == "gpt-4o-mini"
            assert response.headers["Tallygate-Fallback-Index"] == "1"
        event = edge.responses()[0]
    assert [(each.model, each.status) for each in event.attempts] == [
        ("gpt-4o", status),
        ("gpt-4o-mini", 200),
    ]
    assert event.model_requested == "gpt-4o"


async def test_a_comma_list_is_tried_in_order_and_keys_go_to_their_own_provider_only(tmp_path: Path) -> None:
    environ = {"OPENAI_API_KEY": "sk-env-openai", "GROQ_API_KEY": "sk-env-groq"}
    async with running_edge(tmp_path, by_model({"gpt-4o": http(b"{}", "500 x")}), environ=environ) as edge:
        status, _ = await edge.post(
            "/v1/chat/completions",
            CHAT | {"model": "gpt-4o, groq/llama"},
            headers={"Authorization": "Bearer sk-own-openai"},
        )
        assert status == 200
        sent = [each.header("authorization") for each in edge.provider.received]
        assert sent == ["Bearer sk-own-openai", "Bearer sk-env-groq"]
        assert [json.loads(each.body)["model"] for each in edge.provider.received] == ["gpt-4o", "llama"]


async def test_the_full_form_of_fallbacks(tmp_path: Path) -> None:
    fallbacks = [
        {"model": "gpt-4o-mini", "onCodes": [400], "headers": {"x-team": "b"}},
        {"bodyKeyOverride": {"temperature": 0.5, "model": "gpt-4.1"}},
    ]
    answers = {"gpt-4o": http(b"{}", "400 x"), "gpt-4o-mini": http(b"{}", "500 x")}
    async with running_edge(tmp_path, by_model(answers)) as edge:
        status, _ = await edge.post(
            "/v1/chat/completions",
            CHAT,
            headers={"Tallygate-Fallbacks": json.dumps(fallbacks), "x-team": "a", "x-other": "kept"},
        )
        assert status == 200
        first, second, third = edge.provider.received
        assert [each.header("x-team") for each in (first, second, third)] == ["a", "b", "a"]
        assert second.header("x-other") == "kept"
        assert json.loads(third.body) == {"model": "gpt-4.1", "messages": HI, "temperature": 0.5}


async def test_nothing_is_tried_again_once_the_caller_has_the_first_byte(tmp_path: Path) -> None:
    async def breaking(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(SSE_HEAD + chunk(b'data: {"id":"1"}\n\n'))
        await writer.drain()
        writer.close()

    async with running_edge(tmp_path, breaking) as edge:
        with pytest.raises(Exception, match=r"(?i)payload|closed|disconnect"):
            await edge.post("/v1/chat/completions", CHAT | {"stream": True}, headers=RETRY)
        assert len(edge.provider.received) == 1


async def test_waits_and_tries_share_the_callers_time(tmp_path: Path) -> None:
    answer = http(b"{}", "429 x", Retry_After="30")
    async with running_edge(tmp_path, failing(9, answer)) as edge:
        headers = RETRY | {"Tallygate-Timeout": "2000"}
        status, _ = await asyncio.wait_for(edge.post("/v1/chat/completions", CHAT, headers=headers), 2)
        assert (status, len(edge.provider.received)) == (429, 1)


async def test_large_bodies_are_sent_again_whole(tmp_path: Path) -> None:
    body = CHAT | {"messages": [{"role": "user", "content": "x" * 3_000_000}]}
    async with running_edge(tmp_path, failing(1)) as edge:
        status, _ = await edge.post(
            "/v1/chat/completions",
            json.dumps(body).encode(),
            headers=RETRY | {"content-type": "application/json"},
        )
        assert status == 200
        assert [json.loads(each.body) == body for each in edge.provider.received] == [True, True]


async def test_a_breaker_opens_and_says_when_to_come_again(tmp_path: Path) -> None:
    async with running_edge(tmp_path, failing(99, http(b"{}", "500 x"))) as edge:
        for _ in range(5):
            assert (await edge.post("/v1/chat/completions", CHAT))[0] == 500
        async with edge.client.post(edge.url + "/v1/chat/completions", json=CHAT) as response:
            assert response.status == 503
            assert int(response.headers["Retry-After"]) >= 1
            assert b'"no_healthy_provider"' in await response.read()
        assert len(edge.provider.received) == 5
        # Another provider is not concerned.
        assert (await edge.post("/v1/chat/completions", CHAT | {"model": "groq/x"}))[0] == 500


def deployments(**urls: str) -> Callable[[], Snapshot]:
    found = tuple(
        Deployment(name, None, "openai", name, {}, url + "/v1", None, None, {}, 1)
        for name, url in urls.items()
    )
    snapshot = Snapshot(deployments={(None, "openai"): found})
    return lambda: snapshot


async def test_another_deployment_takes_the_retry(tmp_path: Path) -> None:
    async with (
        running_provider(failing(99, http(b"{}", "429 x", Retry_After="60"))) as ill,
        running_provider(failing(0)) as well,
        edge_before(tmp_path, well, snapshots=deployments(ill=ill.url, well=well.url)) as edge,
    ):
        for _ in range(12):
            status, _ = await edge.post("/v1/chat/completions", CHAT, headers=RETRY)
            assert status == 200
        assert len(ill.received) <= 1
        assert len(well.received) == 12


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("{provider}/v1", 200),
        ("{provider}/team/v1", 200),
        ("{provider}", 200),
        ("http://127.0.0.1:1/v1", 400),
        ("http://169.254.169.254", 400),
        ("{provider}@evil.example/v1", 400),
        ("file:///etc/passwd", 400),
        ("http://[", 400),
    ],
)
async def test_a_target_url_must_be_on_the_list(url: str, status: int, tmp_path: Path) -> None:
    async with running_provider(failing(0)) as other, running_provider(failing(0)) as provider:
        settings: dict[str, Any] = {"target_urls": (other.url,)}
        async with edge_before(tmp_path, provider, {"OPENAI_API_KEY": "sk-env"}, **settings) as edge:
            headers = {"Helicone-Target-URL": url.format(provider=other.url)}
            found, body = await edge.post("/v1/chat/completions", CHAT, headers=headers)
            assert (found, provider.received) == (status, [])
            if status == 400:
                assert b"Helicone-Target-URL" in body
                assert other.received == []
            else:
                assert other.last.target.endswith("/v1/chat/completions")
                assert other.last.header("authorization") is None  # the environment's key is for another host
                assert edge.responses()[0].provider == "custom"


async def test_a_provider_of_ones_own(tmp_path: Path) -> None:
    async with running_provider(failing(0)) as vllm:
        providers = {"vllm": ProviderConfig(base_url=vllm.url + "/v1")}
        async with edge_before(tmp_path, vllm, providers=providers) as edge:
            assert (await edge.post("/v1/chat/completions", CHAT | {"model": "vllm/qwen"}))[0] == 200
            assert (vllm.last.target, json.loads(vllm.last.body)["model"]) == ("/v1/chat/completions", "qwen")
            assert (await edge.post("/vllm/v1/embeddings", {"model": "e"}))[0] == 200
            assert vllm.last.target == "/v1/embeddings"


async def test_azures_deployments(tmp_path: Path) -> None:
    async with running_provider(failing(0)) as azure:
        place = Deployment(
            "c1", None, "azure", "a", {}, azure.url, None, "2024-10-21", {"gpt-4o": "my gpt"}, 1
        )
        snapshot = Snapshot(deployments={(None, "azure"): (place,)})
        async with edge_before(tmp_path, azure, snapshots=lambda: snapshot) as edge:
            headers = {"Authorization": "Bearer sk-own"}
            await edge.post("/v1/chat/completions", CHAT | {"model": "azure/gpt-4o"}, headers=headers)
            await edge.post("/v1/responses", {"model": "azure/gpt-4o", "input": "x"})
            event = edge.responses()[0]
    assert [each.target for each in azure.received] == [
        "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21",
        "/openai/responses?api-version=2024-10-21",
    ]
    assert azure.received[0].header("authorization") == "Bearer sk-own"
    assert (event.provider, event.model_requested) == ("azure", "azure/gpt-4o")
