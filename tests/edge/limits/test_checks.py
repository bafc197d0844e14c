"""Rate limits on calls through an edge: refusals, headers, records, charges, a store that is gone."""

import asyncio
import json
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from tallygate.control.records import ProjectSettings
from tallygate.infra.meter import PricedCalls
from tests.support.controlled_edge import controlled_edge, key_of, snapshot_of
from tests.support.edge import Edge
from tests.support.provider import answering, http
from tests.support.wait import eventually

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
USAGE = {"prompt_tokens": 1_000, "completion_tokens": 200, "total_tokens": 1_200}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
answer = answering(http(json.dumps(ANSWER).encode()))


async def call(edge: Edge, policy: str, **headers: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Status, headers in lower case and body of a limited call."""
    sent = {"Helicone-RateLimit-Policy": policy} | {k.replace("_", "-"): v for k, v in headers.items()}
    async with edge.client.post(edge.url + "/v1/chat/completions", json=CHAT, headers=sent) as response:
        body = await response.json()
        return response.status, {name.lower(): value for name, value in response.headers.items()}, body


async def test_what_is_over_the_limit_is_refused_told_and_recorded(tmp_path: Path) -> None:
    async with controlled_edge(tmp_path, answer) as edge:
        told = [await call(edge, "2;w=3600, 100;w=60;s=user") for _ in range(3)]
        assert [status for status, _, _ in told] == [200, 200, 429]
        policy = "2;w=3600, 100;w=60;s=user"
        for left, (_, headers, _) in zip(("1", "0", "0"), told, strict=True):
            assert headers["tallygate-ratelimit-policy"] == policy
            assert headers["tallygate-ratelimit-limit"] == "2"
            assert headers["tallygate-ratelimit-remaining"] == left
            assert 3_500 <= int(headers["tallygate-ratelimit-reset"]) <= 3_700
        refused = told[2]
        assert 3_500 <= int(refused[1]["retry-after"]) <= 3_700
        assert "retry-after" not in told[0][1]
        assert refused[2]["error"]["code"] == "rate_limited"
        assert len(edge.provider.received) == 2
        last = edge.responses()[-1]
        assert (last.status, last.outcome, last.error_code, last.attempts) == (
            429, "rejected", "rate_limited", (),
        )  # fmt: skip
        async with edge.client.get(edge.url + "/metrics") as response:
            assert 'tallygate_edge_limits_refused_total{worker="0"} 1.0' in await response.text()


async def test_the_sdks_know_the_refusal(tmp_path: Path) -> None:
    async with controlled_edge(tmp_path, answer) as edge:
        limited = {"Tallygate-RateLimit-Policy": "1;w=3600"}
        assert (await call(edge, "1;w=3600"))[0] == 200
        async with openai.AsyncOpenAI(base_url=edge.url + "/v1", api_key="x", max_retries=0) as client:
            with pytest.raises(openai.RateLimitError) as caught:
                await client.chat.completions.create(
                    model="gpt-4o", messages=[{"role": "user", "content": "Hi"}], extra_headers=limited
                )
            assert caught.value.code == "rate_limited"
        async with anthropic.AsyncAnthropic(base_url=edge.url, api_key="x", max_retries=0) as other:
            with pytest.raises(anthropic.RateLimitError) as seen:
                await other.messages.create(
                    model="claude-test",
                    max_tokens=9,
                    messages=[{"role": "user", "content": "Hi"}],
                    extra_headers=limited,
                )
            assert seen.value.type == "rate_limit_error"


async def test_each_user_and_each_value_of_a_property_has_its_own_limit(tmp_path: Path) -> None:
    async with controlled_edge(tmp_path, answer) as edge:
        for policy, header in (
            ("1;w=60;s=user", "Tallygate_User_Id"),
            ("1;w=60;s=Team", "Tallygate_Property_team"),
        ):
            statuses = [(await call(edge, policy, **{header: who}))[0] for who in ("a", "b", "a", "")]
            assert statuses == [200, 200, 429, 200]


@pytest.mark.parametrize("policy", ["", "ten;w=60", "10", "10;w=60;u=words", "10;w=0"])
async def test_a_malformed_policy_is_no_free_pass(tmp_path: Path, policy: str) -> None:
    async with controlled_edge(tmp_path, answer) as edge:
        status, _, body = await call(edge, policy)
        assert (status, body["error"]["code"]) == (400, "invalid_header")
        assert body["error"]["param"] == "Helicone-RateLimit-Policy"
        assert not edge.provider.received


async def test_tokens_are_charged_when_they_are_known(tmp_path: Path) -> None:
    async with controlled_edge(tmp_path, answer, PricedCalls()) as edge:
        policy = "2000;w=3600;u=tokens"
        status, headers, _ = await call(edge, policy)
        assert (status, headers["tallygate-ratelimit-remaining"]) == (200, "2000")
        await eventually(lambda: _left(edge, policy, "800"))
        status, headers, _ = await call(edge, policy)
        await eventually(lambda: _refused(edge, policy))


async def _left(edge: Edge, policy: str, left: str) -> bool:
    """What is left, asked by a call that is refused for another reason and so takes no tokens."""
    sent = {"Tallygate-RateLimit-Policy": policy}
    body = CHAT | {"model": "no-such-model"}
    async with edge.client.post(edge.url + "/v1/chat/completions", json=body, headers=sent) as response:
        assert response.status == 404
        return response.headers["Tallygate-RateLimit-Remaining"] == left


async def _refused(edge: Edge, policy: str) -> bool:
    sent = {"Tallygate-RateLimit-Policy": policy}
    body = CHAT | {"model": "no-such-model"}
    async with edge.client.post(edge.url + "/v1/chat/completions", json=body, headers=sent) as response:
        return response.status == 429


async def test_cents_are_charged_by_the_price_list(tmp_path: Path) -> None:
    """1 000 and 200 tokens of gpt-4o at 2.50 and 10 dollars a million: 0.45 cents a call."""
    async with controlled_edge(tmp_path, answer, PricedCalls()) as edge:
        policy = "1;w=3600;u=cents"
        assert (await call(edge, policy))[0] == 200
        await eventually(lambda: _left(edge, policy, "0"))  # 0.55 cents, in whole ones
        assert (await call(edge, policy))[0] == 200
        assert (await call(edge, policy))[0] == 200
        await eventually(lambda: _refused(edge, policy))


@pytest.mark.parametrize(("unavailable", "status"), [("open", 200), ("closed", 429)])
async def test_without_its_store_the_setting_decides(tmp_path: Path, unavailable: str, status: int) -> None:
    gone = {"url": f"unix://{tmp_path}/no-redis.sock"}
    limits = {"store": "redis", "unavailable": unavailable}
    async with controlled_edge(tmp_path, answer, limits=limits, redis=gone) as edge:
        got, headers, _ = await call(edge, "1;w=60")
        assert got == status
        assert headers["tallygate-ratelimit-policy"] == "1;w=60"
        async with edge.client.get(edge.url + "/metrics") as response:
            assert 'tallygate_edge_limits_unavailable_total{worker="0"} 1.0' in await response.text()


async def test_a_hundred_at_once_of_which_ten_pass(tmp_path: Path) -> None:
    async with controlled_edge(tmp_path, answer) as edge:
        statuses = [each[0] for each in await asyncio.gather(*(call(edge, "10;w=600") for _ in range(100)))]
        assert sorted(statuses) == [200] * 10 + [429] * 90


async def test_the_limits_of_key_and_project_hold_besides_the_calls_own(tmp_path: Path) -> None:
    snapshot = snapshot_of(
        key_of("k1", "a", ("2;w=600",)),
        key_of("k2", "a", ("9;w=600",)),
        a=ProjectSettings(rate_limits=("5;w=600",)),
    )
    async with controlled_edge(tmp_path, answer, snapshot=snapshot) as edge:

        async def statuses(key: str, number: int, policy: str = "100;w=600") -> list[int]:
            bearer = f"Bearer tg-{key}"
            return [(await call(edge, policy, Authorization=bearer))[0] for _ in range(number)]

        assert await statuses("k1", 3) == [200, 200, 429]
        assert await statuses("k2", 4) == [200, 200, 200, 429]
        _, headers, body = await call(edge, "1;w=600;s=user", Authorization="Bearer tg-k2")
        assert headers["tallygate-ratelimit-policy"] == "5;w=600, 9;w=600, 1;w=600;s=user"
        assert headers["tallygate-ratelimit-limit"] == "5"
        assert "5;w=600" in body["error"]["message"]
        assert [event.key_id for event in edge.responses()] == ["k1"] * 3 + ["k2"] * 5
