"""Claude by OpenAI's package and GPT by Anthropic's, through the whole system down to the account."""

from typing import Any

import anthropic
import openai
import pytest

from tests.contract.asks import CLAUDES_PICTURE, CLAUDES_TOOL, HI, PICTURE, PIXEL, TOOL, Answer
from tests.contract.conftest import System
from tests.contract.wire import Wire, anthropic_sync, openai_sync

CLAUDE = "claude-sonnet-4-6"
GPT = "gpt-4o"
USAGE = {"include_usage": True}


def assert_account(system: System, wire: Wire, read: int, wrote: int, provider: str) -> None:
    """The last call's row has what its caller was told."""
    row = system.row(wire.ids[-1])
    told = (row["outcome"], row["provider"], row["input_tokens"], row["output_tokens"])
    assert told == ("ok", provider, read, wrote)
    assert row["cost_nanos"] > 0


def test_claude_by_openais_package(system: System) -> None:
    wire = Wire()
    with openai_sync(system, wire) as sdk:
        create = sdk.chat.completions.create
        text = create(model=CLAUDE, messages=HI, max_tokens=500)
        assert text.choices[0].finish_reason == "stop"
        assert text.usage
        assert_account(system, wire, text.usage.prompt_tokens, text.usage.completion_tokens, "anthropic")
        assert system.tap.exchanges[-1].target == "/v1/messages"

        short = create(model=CLAUDE, messages=HI, max_tokens=2)
        assert short.choices[0].finish_reason == "length"

        create(model=CLAUDE, messages=PICTURE, max_tokens=500)
        assert PIXEL.encode() in system.tap.exchanges[-1].sent

        parsed = sdk.chat.completions.parse(model=CLAUDE, messages=HI, max_tokens=500, response_format=Answer)
        assert isinstance(parsed.choices[0].message.parsed, Answer)

        cached = create(
            model=CLAUDE,
            messages=HI,
            max_tokens=500,
            extra_headers={"x-simulate": "input_tokens=100; cached_tokens=40; cache_write_tokens=10"},
        )
        assert cached.usage
        assert cached.usage.prompt_tokens == 100
        assert cached.usage.prompt_tokens_details
        assert cached.usage.prompt_tokens_details.cached_tokens == 40
        assert_account(system, wire, 100, cached.usage.completion_tokens, "anthropic")

        parts: list[Any] = list(
            create(model=CLAUDE, messages=HI, max_tokens=500, stream=True, stream_options=USAGE)  # type: ignore[call-overload]
        )
        streamed = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
        assert streamed == text.choices[0].message.content
        assert [part.choices[0].finish_reason for part in parts if part.choices][-1] == "stop"
        told = parts[-1].usage
        assert_account(system, wire, told.prompt_tokens, told.completion_tokens, "anthropic")


def test_claudes_tools_by_openais_package_over_three_turns(system: System) -> None:
    wire = Wire()
    messages = list(HI)
    with openai_sync(system, wire) as sdk:
        for _ in range(2):
            turn = sdk.chat.completions.create(
                model=CLAUDE, messages=messages, tools=[TOOL], tool_choice="required", max_tokens=500
            )
            assert turn.choices[0].finish_reason == "tool_calls"
            calls = turn.choices[0].message.tool_calls
            assert calls
            messages.append(turn.choices[0].message.model_dump(exclude_none=True))
            messages += [{"role": "tool", "tool_call_id": call.id, "content": "21 °C"} for call in calls]
        last = sdk.chat.completions.create(
            model=CLAUDE, messages=messages, tools=[TOOL], tool_choice="none", max_tokens=500
        )
        assert last.choices[0].message.content
    arrived = system.tap.exchanges[-1].json["messages"]
    assert [each["role"] for each in arrived] == ["user", "assistant", "user", "assistant", "user"]
    assert [each["content"][0]["type"] for each in arrived[1:]] == ["tool_use", "tool_result"] * 2


def test_gpt_by_anthropics_package(system: System) -> None:
    wire = Wire()
    with anthropic_sync(system, wire) as sdk:
        create = sdk.messages.create
        text: Any = create(model=GPT, max_tokens=500, system="Be brief.", messages=HI)
        assert text.stop_reason == "end_turn"
        assert_account(system, wire, text.usage.input_tokens, text.usage.output_tokens, "openai")
        assert system.tap.exchanges[-1].target == "/v1/chat/completions"
        assert system.tap.exchanges[-1].json["messages"][0] == {"role": "system", "content": "Be brief."}
        assert create(model=GPT, max_tokens=2, messages=HI).stop_reason == "max_tokens"
        create(model=GPT, max_tokens=500, messages=CLAUDES_PICTURE)
        assert PIXEL.encode() in system.tap.exchanges[-1].sent
        with sdk.messages.stream(model=GPT, max_tokens=500, system="Be brief.", messages=HI) as stream:
            final: Any = stream.get_final_message()
        assert (final.content[0].text, final.stop_reason) == (text.content[0].text, "end_turn")
        assert_account(system, wire, final.usage.input_tokens, final.usage.output_tokens, "openai")
        sdk.messages.parse(model=GPT, max_tokens=500, messages=HI, output_format=Answer)
        assert system.tap.exchanges[-1].json["response_format"]["type"] == "json_schema"


def test_gpts_tools_by_anthropics_package_over_three_turns(system: System) -> None:
    messages: list[Any] = list(HI)
    with anthropic_sync(system, Wire()) as sdk:
        for _ in range(2):
            turn = sdk.messages.create(
                model=GPT,
                max_tokens=500,
                messages=messages,
                tools=[CLAUDES_TOOL],
                tool_choice={"type": "any"},
            )
            assert turn.stop_reason == "tool_use"
            uses = [block for block in turn.content if block.type == "tool_use"]
            messages.append({"role": "assistant", "content": turn.content})
            results = [{"type": "tool_result", "tool_use_id": use.id, "content": "21 °C"} for use in uses]
            messages.append({"role": "user", "content": results})
        last = sdk.messages.create(model=GPT, max_tokens=500, messages=messages)
        assert last.content[0].type == "text"
    roles = [each["role"] for each in system.tap.exchanges[-1].json["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "tool"]


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (404, "NotFoundError"),
        (429, "RateLimitError"),
        (500, "InternalServerError"),
        (503, "InternalServerError"),
    ],
)
def test_errors_come_in_the_callers_dialect(status: int, name: str, system: System) -> None:
    headers = {"x-simulate": f"status={status}"}
    wire = Wire()
    with openai_sync(system, wire) as one, pytest.raises(getattr(openai, name)) as caught:
        one.with_options(max_retries=0).chat.completions.create(
            model=CLAUDE, messages=HI, max_tokens=9, extra_headers=headers
        )
    assert "asked to fail" in caught.value.body["message"]
    row = system.row(wire.ids[-1])
    assert (row["outcome"], row["status"]) == ("provider_error", status)
    with anthropic_sync(system, wire) as other, pytest.raises(anthropic.APIStatusError) as told:
        other.with_options(max_retries=0).messages.create(
            model=GPT, messages=HI, max_tokens=9, extra_headers=headers
        )
    assert told.value.status_code == status
    body: Any = told.value.body
    assert body["type"] == "error"
    assert "asked to fail" in body["error"]["message"]
