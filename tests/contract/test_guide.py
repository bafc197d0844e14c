"""The examples of the guide that users come with, by OpenAI's packages for Python and npm."""

import json
import uuid
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import openai
import pytest

from tests.contract.conftest import System

Told = dict[str, Any]


def by_python(system: System, salt: str) -> Told:
    """The same as `node/guide.mjs`."""
    messages: Any = [{"role": "user", "content": f"How do I enable retries? {salt}"}]

    def ask(headers: dict[str, str], model: str = "gpt-4o-mini") -> Told:
        client = openai.OpenAI(
            base_url=f"{system.gateway.url}/v1", api_key="sk-test", default_headers=headers
        )
        answer = client.chat.completions.with_raw_response.create(model=model, messages=messages)
        completion = answer.parse()
        text = completion.choices[0].message.content
        return {"headers": dict(answer.headers), "model": completion.model, "text": text}

    cache = {"Helicone-Cache-Enabled": "true", "Cache-Control": "max-age=3600"}
    told: Told = {
        "properties": ask(
            {
                "Helicone-Property-Session": "121",
                "Helicone-Property-App": "mobile",
                "Helicone-User-Id": "alice@example.com",
            }
        ),
        "first": ask(cache),
        "second": ask(cache),
        "retried": ask(
            {
                "Helicone-Retry-Enabled": "true",
                "Helicone-Retry-Num": "3",
                "Helicone-Retry-Factor": "2",
                "x-simulate": f"status=429; retry_after_ms=200; fail_times=2; key=retry-{salt}",
            }
        ),
        "fallback": {},
    }
    for status in ("429", "500", "503"):
        headers = {
            "Helicone-Fallback-Model": "gpt-4o-mini",
            "Helicone-Fallback-OnCodes": "429,500,503",
            "x-simulate": f"status={status}; fail_times=1; key=fallback-{status}-{salt}",
        }
        told["fallback"][status] = ask(headers, "gpt-4o")
    client = openai.OpenAI(base_url=f"{system.gateway.url}/v1", api_key="sk-test")
    stream = client.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True)
    told["streamed"] = "".join(part.choices[0].delta.content or "" for part in stream if part.choices)
    return told


@pytest.mark.parametrize("language", ["python", "node"])
def test_the_guides_examples(language: str, system: System, request: pytest.FixtureRequest) -> None:
    salt = uuid.uuid4().hex
    begin = len(system.tap.exchanges)
    if language == "node":
        run: Callable[..., str] = request.getfixturevalue("run_node")
        told = json.loads(run("guide.mjs", BASE_URL=f"{system.gateway.url}/v1", SALT=salt))
    else:
        told = by_python(system, salt)
    arrived = [each for each in system.tap.since(begin) if salt.encode() in each.sent]

    # Properties, user, one for the cache, three for retries, two for each fallback, the stream.
    assert [each.json["model"] for each in arrived] == [
        "gpt-4o-mini", "gpt-4o-mini", *["gpt-4o-mini"] * 3, *["gpt-4o", "gpt-4o-mini"] * 3, "gpt-4o-mini",
    ]  # fmt: skip
    assert not [name for each in arrived for name in each.headers if name.startswith(("helicone", "tally"))]

    row = system.row(told["properties"]["headers"]["tallygate-id"])
    assert row["user_id"] == "alice@example.com"
    assert {name.lower(): value for name, value in row["properties"].items()} == {
        "session": "121",
        "app": "mobile",
    }

    assert [told[name]["headers"]["tallygate-cache"] for name in ("first", "second")] == ["MISS", "HIT"]
    assert told["first"]["text"] == told["second"]["text"] == told["streamed"] != ""
    assert system.row(told["second"]["headers"]["tallygate-id"])["outcome"] == "cache_hit"

    retries = arrived[2:5]
    assert [each.status for each in retries] == [429, 429, 200]
    waits = [after.at_s - before.at_s for before, after in pairwise(retries)]
    assert all(0.2 <= wait < 5 for wait in waits), waits
    assert told["retried"]["headers"]["tallygate-attempts"] == "3"
    assert system.row(told["retried"]["headers"]["tallygate-id"])["attempts"] == 3

    for at, (status, answer) in enumerate(sorted(told["fallback"].items())):
        assert [each.status for each in arrived[5 + 2 * at : 7 + 2 * at]] == [int(status), 200]
        assert answer["headers"]["tallygate-fallback-index"] == "1"
        assert system.row(answer["headers"]["tallygate-id"])["attempts"] == 2
