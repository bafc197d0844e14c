"""Sending a stored request again: to the gateway only, as what it was, and as a call of its own."""

import json
from typing import Any

import pytest

from tests.support.api import Api, running_api, stored
from tests.support.factories import call
from tests.support.provider import answering, http, running_provider

BODY = '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}]}'
ANSWER = http(b"{}", Tallygate_Id="0199aaaa-0000-7000-8000-000000000001")


async def replayed(gateway: str, status: int = 200, body: Any = None, **fields: Any) -> Any:
    made = call(**({"prompt": BODY} | fields))
    async with running_api(stored([made]), gateway_url=gateway) as api:
        return await sent(api, made.request_id, status, {} if body is None else body)


async def sent(api: Api, request_id: str, status: int, body: Any) -> Any:
    path = f"/api/v1/requests/{request_id}/replay"
    async with api.client.post(path, json=body) as response:
        assert response.status == status, await response.text()
        return await response.json()


async def test_it_is_sent_as_it_was_with_its_labels_and_the_key_given() -> None:
    async with running_provider(answering(ANSWER)) as gateway:
        labels: dict[str, Any] = {"user_id": "ada", "properties": {"Team": "search"}}
        answer = await replayed(gateway.url, body={"key": "tg-secret"}, **labels)
        assert (answer["status"], answer["request_id"]) == (200, "0199aaaa-0000-7000-8000-000000000001")
        last = gateway.last
        assert (last.method, last.target) == ("POST", "/v1/chat/completions")
        assert json.loads(last.body) == json.loads(BODY)
        assert last.header("authorization") == "Bearer tg-secret"
        assert last.header("tallygate-user-id") == "ada"
        assert last.header("tallygate-property-team") == "search"
        assert last.header("tallygate-property-replay-of")


async def test_without_a_key_none_is_sent() -> None:
    async with running_provider(answering(ANSWER)) as gateway:
        await replayed(gateway.url)
        assert gateway.last.header("authorization") is None


@pytest.mark.parametrize(
    "path", ["//evil.example/v1/x", "/\\evil.example/", "/v1/../../x", "/@evil.example:1/"]
)
async def test_no_recorded_path_leads_to_another_host(path: str) -> None:
    async with running_provider(answering(ANSWER)) as gateway:
        await replayed(gateway.url, path=path)
        host = gateway.url.removeprefix("http://")
        assert [received.header("host") for received in gateway.received] == [host]


async def test_a_redirect_is_not_followed() -> None:
    moved = http(b"", "302 Found", Location="http://127.0.0.1:1/")
    async with running_provider(answering(moved)) as gateway:
        assert (await replayed(gateway.url))["status"] == 302


@pytest.mark.parametrize(
    "fields",
    [{"method": "GET"}, {"prompt": ""}, {"prompt_truncated": True}, {"path": "relative"}],
)
async def test_what_cannot_be_sent_again_says_so(fields: dict[str, Any]) -> None:
    answer = await replayed("http://127.0.0.1:1", 409, **fields)
    assert answer["error"]["code"] == "not_replayable"


async def test_mistakes_are_told() -> None:
    assert (await replayed("http://127.0.0.1:1", 502))["error"]["code"] == "gateway_unreachable"
    assert (await replayed("http://127.0.0.1:1", 400, body={"key": 7}))["error"]["param"] == "key"
    async with running_api() as api:
        assert (await sent(api, "unknown", 404, {}))["error"]["code"] == "not_found"
        async with api.client.post("/api/v1/requests/x/replay", data={"key": "x"}) as response:
            assert response.status == 415


async def test_a_key_that_breaks_a_header_is_refused() -> None:
    async with running_provider(answering(ANSWER)) as gateway:
        answer = await replayed(gateway.url, 400, body={"key": "x\r\nHost: evil.example"})
        assert answer["error"]["param"] == "key"
        assert gateway.received == []
