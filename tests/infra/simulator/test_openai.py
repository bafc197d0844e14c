"""OpenAI's dialect, as the `openai` package sees it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest

from tallygate.infra.simulator import RunningSimulator, running_simulator, text

MODEL = "gpt-4o-mini"
ASK: Any = [{"role": "user", "content": "What did we spend, and why?"}]
BAD_MESSAGES: Any = "hello"
ASK_TOKENS = text.count(ASK[0]["content"]) + 3


@asynccontextmanager
async def client() -> AsyncIterator[tuple[openai.AsyncOpenAI, RunningSimulator]]:
    async with (
        running_simulator() as sim,
        openai.AsyncOpenAI(base_url=f"{sim.url}/v1", api_key="sk-test", max_retries=0) as sdk,
    ):
        yield sdk, sim


def simulate(controls: str) -> dict[str, str]:
    return {"x-simulate": controls}


async def test_plain_chat_counts_the_tokens_of_its_text() -> None:
    async with client() as (sdk, _):
        answer = await sdk.chat.completions.create(model=MODEL, messages=ASK)
    assert answer.usage is not None
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens == ASK_TOKENS
    assert answer.usage.completion_tokens == text.count(answer.choices[0].message.content or "")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_the_same_request_gets_the_same_text() -> None:
    async with client() as (sdk, _):
        first = await sdk.chat.completions.create(model=MODEL, messages=ASK)
        second = await sdk.chat.completions.create(model=MODEL, messages=ASK)
    assert first.choices[0].message.content == second.choices[0].message.content
    assert first.id != second.id


async def test_stream_sends_usage_only_if_asked() -> None:
    async with client() as (sdk, _):
        plain = [c async for c in await sdk.chat.completions.create(model=MODEL, messages=ASK, stream=True)]
        asked = [
            c
            async for c in await sdk.chat.completions.create(
                model=MODEL, messages=ASK, stream=True, stream_options={"include_usage": True}
            )
        ]
    assert all(chunk.usage is None and chunk.choices for chunk in plain)
    assert asked[-1].choices == []
    assert asked[-1].usage is not None
    joined = "".join(chunk.choices[0].delta.content or "" for chunk in asked[:-1])
    assert text.count(joined) == asked[-1].usage.completion_tokens


async def test_controls_set_the_usage() -> None:
    wanted = "input_tokens=900; cached_tokens=512; reasoning_tokens=64; output_tokens=7"
    async with client() as (sdk, _):
        answer = await sdk.chat.completions.create(model=MODEL, messages=ASK, extra_headers=simulate(wanted))
    used = answer.usage
    assert used is not None
    assert used.prompt_tokens_details is not None
    assert used.completion_tokens_details is not None
    assert (used.prompt_tokens, used.prompt_tokens_details.cached_tokens) == (900, 512)
    assert (used.completion_tokens, used.completion_tokens_details.reasoning_tokens) == (71, 64)
    assert text.count(answer.choices[0].message.content or "") == 7


async def test_tools_and_json_mode() -> None:
    function: Any = {"name": "look_up", "parameters": {"type": "object", "properties": {}}}
    async with client() as (sdk, _):
        called = await sdk.chat.completions.create(
            model=MODEL, messages=ASK, tools=[{"type": "function", "function": function}]
        )
        encoded = await sdk.chat.completions.create(
            model=MODEL, messages=ASK, response_format={"type": "json_object"}
        )
    assert called.choices[0].finish_reason == "tool_calls"
    assert called.choices[0].message.tool_calls is not None
    assert called.choices[0].message.tool_calls[0].to_dict()["function"]["name"] == "look_up"  # type: ignore[index]
    assert (encoded.choices[0].message.content or "").startswith("{")


async def test_max_tokens_cuts_the_answer() -> None:
    async with client() as (sdk, _):
        answer = await sdk.chat.completions.create(model=MODEL, messages=ASK, max_completion_tokens=5)
    assert answer.choices[0].finish_reason == "length"
    assert text.count(answer.choices[0].message.content or "") == 5


async def test_responses_plain_and_streamed_agree() -> None:
    async with client() as (sdk, _):
        plain = await sdk.responses.create(model=MODEL, input="Say something.")
        async with sdk.responses.stream(model=MODEL, input="Say something.") as stream:
            async for _event in stream:
                pass
            final = await stream.get_final_response()
    assert plain.output_text == final.output_text
    assert plain.usage is not None
    assert plain.usage == final.usage
    assert plain.usage.output_tokens == text.count(plain.output_text)


async def test_completions_embeddings_models_and_the_rest() -> None:
    async with client() as (sdk, sim):
        completion = await sdk.completions.create(model="gpt-3.5-turbo-instruct", prompt="Once")
        vectors = await sdk.embeddings.create(model="text-embedding-3-small", input=["two words", "three"])
        listed = [model.id async for model in sdk.models.list()]
        flagged = await sdk.moderations.create(input="hello")
        image = await sdk.images.generate(model="gpt-image-1", prompt="a cat")
        spoken = await sdk.audio.speech.create(model="tts-1", voice="alloy", input="hello")
        heard = await sdk.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"RIFF"))
        uploaded = await sdk.files.create(file=("d.jsonl", b"{}"), purpose="batch")
        content = await sdk.files.content(uploaded.id)
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == text.count("Once") + 3
    assert (vectors.usage.prompt_tokens, len(vectors.data), len(vectors.data[0].embedding)) == (3, 2, 1536)
    assert MODEL in listed
    assert not flagged.results[0].flagged
    assert image.data is not None
    assert image.data[0].b64_json
    assert spoken.content.startswith(b"\xff\xfb")
    assert heard.text
    assert content.content == b'{"line": 1}\n'
    assert sim.stats.by_operation["files.create"] == 1


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
async def test_errors_have_the_shape_that_the_sdk_expects(
    status: int, expected: type[openai.APIStatusError]
) -> None:
    async with client() as (sdk, _):
        with pytest.raises(expected) as caught:
            await sdk.chat.completions.create(
                model=MODEL, messages=ASK, extra_headers=simulate(f"status={status}")
            )
    assert isinstance(caught.value.body, dict)
    assert "asked to fail" in caught.value.body["message"]


async def test_a_missing_model_and_a_bad_body_are_refused() -> None:
    async with client() as (sdk, _):
        with pytest.raises(openai.NotFoundError) as missing:
            await sdk.chat.completions.create(model="missing-1", messages=ASK)
        with pytest.raises(openai.BadRequestError) as typed:
            await sdk.chat.completions.create(model=MODEL, messages=BAD_MESSAGES)
    assert missing.value.code == "model_not_found"
    assert typed.value.param == "messages"


async def test_rate_limit_headers_and_request_ids() -> None:
    async with client() as (sdk, _):
        raw = await sdk.chat.completions.with_raw_response.create(model=MODEL, messages=ASK)
        with pytest.raises(openai.RateLimitError) as caught:
            await sdk.chat.completions.create(
                model=MODEL, messages=ASK, extra_headers=simulate("status=429; retry_after_ms=2500")
            )
    assert raw.headers["x-ratelimit-limit-requests"] == "10000"
    assert raw.headers["x-request-id"].startswith("req_")
    assert caught.value.response.headers["retry-after"] == "3"
    assert caught.value.response.headers["retry-after-ms"] == "2500"


async def test_fail_times_fails_only_the_first_calls() -> None:
    async with client() as (sdk, _):
        patient = sdk.with_options(max_retries=2)
        answer = await patient.chat.completions.create(
            model=MODEL,
            messages=ASK,
            extra_headers=simulate("fail_times=2; key=once; retry_after_ms=1"),
        )
    assert answer.choices[0].message.content


async def test_n_choices() -> None:
    async with client() as (sdk, _):
        answer = await sdk.chat.completions.create(model=MODEL, messages=ASK, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert answer.usage is not None
    written = sum(text.count(choice.message.content or "") for choice in answer.choices)
    assert answer.usage.completion_tokens == written
