"""Exact under concurrency, over two worker processes."""

import asyncio
import uuid
from collections import Counter
from typing import Any

import aiohttp

from tests.contract.conftest import System


async def post_all(system: System, headers: dict[str, str], bodies: list[dict[str, Any]]) -> list[Any]:
    """Send calls at once, each on a connection of its own; their status, headers and bodies."""
    url = f"{system.gateway.url}/v1/chat/completions"
    sent = {"Authorization": "Bearer sk-test", **headers}
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=50)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def one(body: dict[str, Any]) -> tuple[int, Any, bytes]:
            async with session.post(url, json=body, headers=sent) as answer:
                return answer.status, answer.headers, await answer.read()

        return list(await asyncio.gather(*map(one, bodies)))


def chat(text: str) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}


async def test_a_thousand_identical_calls_are_one_call_of_the_provider(system: System) -> None:
    body = chat(f"The same for all {uuid.uuid4()}")
    begin = len(system.tap.exchanges)
    headers = {"Tallygate-Cache-Enabled": "true", "x-simulate": "delay_ms=500"}
    answers = await post_all(system, headers, [body] * 1000)
    assert Counter(status for status, _, _ in answers) == {200: 1000}
    assert len(system.tap.since(begin)) == 1
    assert len({content for _, _, content in answers}) == 1
    states = Counter(each["tallygate-cache"] for _, each, _ in answers)
    assert states == {"HIT": 999, "MISS": 1}
    assert len({each["tallygate-id"] for _, each, _ in answers}) == 1000


async def test_a_limit_of_a_hundred_lets_exactly_a_hundred_of_five_hundred_through(system: System) -> None:
    begin = len(system.tap.exchanges)
    user = uuid.uuid4().hex
    headers = {"Helicone-RateLimit-Policy": "100;w=60;s=user", "Helicone-User-Id": user}
    answers = await post_all(system, headers, [chat(f"{user} {number}") for number in range(500)])
    assert Counter(status for status, _, _ in answers) == {200: 100, 429: 400}
    assert len(system.tap.since(begin)) == 100
    refused = [each for status, each, _ in answers if status == 429]
    assert all(0 < int(each["retry-after"]) <= 60 for each in refused)
    assert sorted(int(each["tallygate-ratelimit-remaining"]) for _, each, _ in answers)[-100:] == [
        *range(100)
    ]
