"""Cache and limits as users of the guide know them, in the whole system with two workers."""

from typing import Any

import anthropic
import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from tests.end_to_end.conftest import Embedded
from tests.support.wait import eventually_sync

QUESTION = [{"role": "user", "content": "How do I enable retries?"}]


def client_of(system: Embedded, **headers: str) -> openai.OpenAI:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return openai.OpenAI(
        base_url=f"{system.gateway.url}/v1", api_key="sk-test", default_headers=sent, max_retries=0
    )


def row_of(system: Embedded, request_id: str) -> list[Any]:
    query = (
        "SELECT outcome, cache, cost_nanos, cache_saved_nanos, attempts, model FROM calls"
        " WHERE request_id = {id:String}"
    )
    rows = eventually_sync(lambda: system.gateway.sql(query, id=request_id))
    return list(rows[0])


def test_the_second_call_of_the_guide_is_a_hit_that_costs_nothing(embedded: Embedded) -> None:
    client = client_of(embedded, Helicone_Cache_Enabled="true", Cache_Control="max-age=3600")
    answers = [
        client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=QUESTION)  # type: ignore[arg-type]
        for _ in range(2)
    ]
    first, second = answers
    assert [answer.headers["tallygate-cache"] for answer in answers] == ["MISS", "HIT"]
    assert first.parse() == second.parse()
    paid, hit = (row_of(embedded, answer.headers["tallygate-id"]) for answer in answers)
    assert (paid[0], paid[1], paid[3], paid[4]) == ("ok", "miss", None, 1)
    assert (hit[0], hit[1], hit[2], hit[4], hit[5]) == ("cache_hit", "hit", 0, 0, paid[5])
    assert hit[3] == paid[2] > 0

    other = client.chat.completions.with_raw_response.create(
        model="gpt-4o-mini",
        messages=QUESTION,  # type: ignore[arg-type]
        temperature=0.1,
    )
    assert other.headers["tallygate-cache"] == "MISS"
    stream = client.chat.completions.with_raw_response.create(
        model="gpt-4o-mini",
        messages=QUESTION,  # type: ignore[arg-type]
        stream=True,
    )
    assert stream.headers["tallygate-cache"] == "HIT"
    text = "".join(
        part.choices[0].delta.content or ""
        for part in stream.parse()
        if isinstance(part, ChatCompletionChunk) and part.choices
    )
    assert text == first.parse().choices[0].message.content


@pytest.mark.parametrize("stored_as_stream", [True, False])
def test_responses_and_messages_in_both_forms(embedded: Embedded, *, stored_as_stream: bool) -> None:
    headers = {"Tallygate-Cache-Enabled": "true", "Tallygate-Cache-Seed": str(stored_as_stream)}
    client = openai.OpenAI(base_url=f"{embedded.gateway.url}/v1", api_key="sk-test", default_headers=headers)
    answers: list[Any] = []
    for stream in (stored_as_stream, not stored_as_stream):
        if stream:
            with client.responses.stream(model="gpt-4o-mini", input="Tell me.") as events:
                answers.append(events.get_final_response())
        else:
            answers.append(client.responses.create(model="gpt-4o-mini", input="Tell me."))
    assert answers[0].id == answers[1].id
    assert answers[0].output_text == answers[1].output_text != ""

    other = anthropic.Anthropic(base_url=embedded.gateway.url, api_key="sk-ant", default_headers=headers)
    asked: dict[str, Any] = {"model": "claude-sonnet-4-6", "max_tokens": 99, "messages": QUESTION}
    messages = []
    for stream in (stored_as_stream, not stored_as_stream):
        if stream:
            with other.messages.stream(**asked) as told:
                messages.append(told.get_final_message())
        else:
            messages.append(other.messages.create(**asked))
    assert messages[0].id == messages[1].id
    assert messages[0].content[0].text == messages[1].content[0].text != ""  # type: ignore[union-attr]
    assert messages[0].usage.output_tokens == messages[1].usage.output_tokens > 0
    assert messages[0].stop_reason == messages[1].stop_reason == "end_turn"


def test_a_translated_stream_serves_others_but_never_without_the_usage(embedded: Embedded) -> None:
    client = client_of(embedded, Tallygate_Cache_Enabled="true")
    asked: dict[str, Any] = {"model": "claude-sonnet-4-6", "messages": QUESTION}

    def state(**more: Any) -> str:
        answer = client.chat.completions.with_raw_response.create(**asked, **more)
        told = answer.parse()
        if more.get("stream"):
            assert any(part.choices and part.choices[0].delta.content for part in told)
        else:
            assert told.usage.total_tokens > 0
        return str(answer.headers["tallygate-cache"])

    # Nobody asked the first stream for its usage, so it can't serve those who want it; their answer can.
    assert [state(stream=True), state(stream=True), state(), state(), state(stream=True)] == [
        "MISS", "HIT", "MISS", "HIT", "HIT",
    ]  # fmt: skip


def test_a_limit_of_a_user_is_told_and_recorded(embedded: Embedded) -> None:
    client = client_of(embedded, Helicone_RateLimit_Policy="3;w=600;s=user", Helicone_User_Id="eve")
    headers = []
    for _ in range(3):
        answer = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=QUESTION)  # type: ignore[arg-type]
        headers.append(answer.headers["tallygate-ratelimit-remaining"])
    assert headers == ["2", "1", "0"]
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)  # type: ignore[arg-type]
    assert caught.value.code == "rate_limited"
    assert int(caught.value.response.headers["retry-after"]) > 500
    row = row_of(embedded, caught.value.response.headers["tallygate-id"])
    assert (row[0], row[4]) == ("rejected", 0)


def test_a_limit_in_cents_uses_the_price_list(embedded: Embedded) -> None:
    """100 000 tokens of gpt-4o's output cost a dollar."""
    body = {"model": "gpt-4o", "messages": QUESTION}
    sent = {
        "Authorization": "Bearer sk-test",
        "Tallygate-RateLimit-Policy": "50;w=600;u=cents",
        "x-simulate": "output_tokens=100000",
    }

    def status() -> int:
        return httpx2.post(f"{embedded.gateway.url}/v1/chat/completions", json=body, headers=sent).status_code

    assert status() == 200
    eventually_sync(lambda: status() == 429, every_s=0.2)
