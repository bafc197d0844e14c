"""What holds for any conversation, and what does not happen for any bytes."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallygate.edge.dialects.common.errors import TranslationError
from tallygate.edge.dialects.exchange import Exchange
from tallygate.edge.dialects.table import TRANSLATIONS
from tests.edge.dialects.checks import check_anthropic, check_openai
from tests.edge.dialects.conversations import CONVERSATIONS
from tests.edge.dialects.provider_answers import ANSWERS
from tests.edge.dialects.support import PNG, begin, sent

Json = dict[str, Any]
PAIRS = sorted(TRANSLATIONS)
WORDS = st.text(min_size=1, max_size=12)
NAMES = st.text("abcdefghij_", min_size=1, max_size=8)
ARGUMENTS = st.dictionaries(NAMES, st.integers(-5, 5) | WORDS, max_size=3)
TEXT_PART = WORDS.map(lambda text: {"type": "text", "text": text})
IMAGE_PART = st.just({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}})
USER = st.fixed_dictionaries(
    {
        "role": st.just("user"),
        "content": WORDS | st.lists(TEXT_PART | IMAGE_PART, min_size=2, max_size=3),
    }
)


@st.composite
def steps(draw: st.DrawFn) -> list[Json]:
    """What the assistant says or calls, and what the tools give."""
    if draw(st.booleans()):
        return [{"role": "assistant", "content": draw(WORDS)}]
    calls = draw(st.lists(st.tuples(NAMES, ARGUMENTS), min_size=1, max_size=3))
    ids = draw(st.lists(NAMES, min_size=len(calls), max_size=len(calls), unique=True))
    tool_calls = [
        {
            "id": call_id,
            "type": "function",
            "function": {
                "name": name,
                "arguments": json.dumps(arguments, separators=(",", ":"), ensure_ascii=False),
            },
        }
        for call_id, (name, arguments) in zip(ids, calls, strict=True)
    ]
    content = draw(st.none() | WORDS)
    results = [{"role": "tool", "tool_call_id": call_id, "content": draw(WORDS)} for call_id in ids]
    return [{"role": "assistant", "content": content, "tool_calls": tool_calls}, *results]


@st.composite
def conversations(draw: st.DrawFn) -> Json:
    """A request that OpenAI would take, and every part of which Claude knows."""
    messages: list[Json] = []
    if draw(st.booleans()):
        messages.append({"role": "system", "content": draw(WORDS)})
    for _ in range(draw(st.integers(1, 3))):
        messages += [draw(USER), *draw(steps())]
    body: Json = {"messages": [*messages, draw(USER)], "max_completion_tokens": draw(st.integers(1, 9_000))}
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    if names:
        function = {"parameters": {"type": "object", "properties": {}}}
        body["tools"] = [{"type": "function", "function": {"name": name} | function} for name in names]
        chosen = {"type": "function", "function": {"name": names[0]}}
        body["tool_choice"] = draw(st.sampled_from(["auto", "none", "required", chosen]))
        if body["tool_choice"] != "none":
            body["parallel_tool_calls"] = False
    stop = draw(st.lists(NAMES, max_size=3))
    if stop:
        body["stop"] = stop
    temperature = draw(st.sampled_from([None, 0, 0.25]))
    return body if temperature is None else body | {"temperature": temperature}


def meaning(body: Json) -> Json:
    """A chat request, its neighbouring messages of one role put together."""
    turns: list[tuple[str, list[Any]]] = []
    for message in body["messages"]:
        said = message.get("content") or []
        parts: list[Any] = [{"type": "text", "text": said}] if isinstance(said, str) else list(said)
        if message["role"] == "tool":
            parts = [(message["tool_call_id"], parts)]
        parts += message.get("tool_calls", [])
        if turns and turns[-1][0] == message["role"]:
            turns[-1][1].extend(parts)
        else:
            turns.append((message["role"], parts))
    return {key: value for key, value in body.items() if key not in ("model", "messages")} | {"turns": turns}


@settings(max_examples=60, deadline=None)
@given(conversations())
def test_to_anthropic_and_back_keeps_the_meaning(body: Json) -> None:
    there = sent("openai.chat", "anthropic.messages", body)
    check_anthropic(there)
    back = sent("anthropic.messages", "openai.chat", there)
    check_openai(back)
    assert meaning(back) == meaning(body)


LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=5) | st.just(1.5)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a JSON value."""
    found = [prefix] if prefix else []
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        found += paths(inner, (*prefix, key))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with something else at a place."""
    if not path:
        return new
    if isinstance(value, dict):
        return value | {path[0]: replaced(value[path[0]], path[1:], new)}
    return [replaced(item, path[1:], new) if at == path[0] else item for at, item in enumerate(value)]


def attempt(caller: Any, provider: Any, body: Json, *, drop: bool) -> Exchange | TranslationError:
    """A translated request, or the reason against it."""
    try:
        return begin(caller, provider, body, drop=drop)
    except TranslationError as error:
        return error


def nested(depth: int) -> Json:
    """An object in an object, and so on."""
    value: Json = {}
    for _ in range(depth):
        value = {"type": "object", "properties": value}
    return value


@pytest.mark.parametrize(("depth", "fits"), [(100, True), (600, False), (2_000, False)])
def test_deep_bodies(depth: int, fits: bool) -> None:
    function = {"name": "f", "parameters": nested(depth)}
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": nested(depth)}}
    body = CONVERSATIONS["openai.chat"] | {
        "tools": [{"type": "function", "function": function}],
        "response_format": schema,
    }
    outcome = attempt("openai.chat", "anthropic.messages", body, drop=False)
    assert isinstance(outcome, Exchange) is fits
    if isinstance(outcome, TranslationError):
        assert outcome.message == "is nested too deeply"


def test_deep_answers() -> None:
    deep = b'{"a":' * 400 + b"1" + b"}" * 400
    call = b'{"type":"tool_use","id":"t","name":"f","input":' + deep + b"}"
    exchange = begin("openai.chat", "anthropic.messages", CONVERSATIONS["openai.chat"] | {"stream": True})
    status, body = exchange.response(200, b'{"content":[' + call + b"]}")
    assert status == 502
    assert json.loads(body)["error"]["code"] == "invalid_provider_response"
    translator = exchange.stream()
    translator.feed(b'data: {"type":"content_block_start","content_block":' + call + b"}\n\n")
    assert translator.error is not None


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PAIRS), st.booleans(), st.data())
def test_any_damage_to_a_request_is_translated_or_refused_by_name(
    pair: Any, drop: bool, data: st.DataObject
) -> None:
    caller, provider = pair
    body = CONVERSATIONS[caller]
    path = data.draw(st.sampled_from(paths(body)))
    damaged = replaced(body, path, data.draw(ANY_JSON))
    outcome = attempt(caller, provider, damaged, drop=drop)
    if isinstance(outcome, TranslationError):
        assert outcome.field
        assert outcome.message
    else:
        assert json.loads(outcome.request.body)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PAIRS), st.data())
def test_any_damage_to_an_answer_is_shown_or_reported(pair: Any, data: st.DataObject) -> None:
    caller, provider = pair
    whole = ANSWERS[provider][0]
    damaged = replaced(whole, data.draw(st.sampled_from(paths(whole))), data.draw(ANY_JSON))
    status, body = begin(caller, provider, CONVERSATIONS[caller]).response(200, json.dumps(damaged).encode())
    assert status in (200, 502)
    assert isinstance(json.loads(body), dict)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PAIRS), st.data())
def test_any_damage_to_a_stream_ends_it_well_or_with_an_error(pair: Any, data: st.DataObject) -> None:
    caller, provider = pair
    stream = bytearray(ANSWERS[provider][1])
    for _ in range(data.draw(st.integers(1, 4))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    translator = begin(caller, provider, CONVERSATIONS[caller] | {"stream": True}).stream()
    cut = data.draw(st.integers(0, len(stream)))
    out = translator.feed(bytes(stream[:cut])) + translator.feed(bytes(stream[cut:])) + translator.close()
    assert translator.complete is (translator.error is None)
    assert out


@pytest.mark.parametrize(("caller", "provider"), PAIRS)
def test_odd_json_in_a_stream_is_passed_over(caller: Any, provider: Any) -> None:
    translator = begin(caller, provider, CONVERSATIONS[caller] | {"stream": True}).stream()
    for event in (
        b"data: 5\n\n",
        b"data: []\n\n",
        b'data: {"choices": [null]}\n\n',
        b": comment\n\n",
        b"data:\n\n",
    ):
        if provider != "bedrock.converse":
            translator.feed(event)
            assert translator.error is None
    translator.feed(b"data: {broken\n\n" + b"\x00" * 20)
    assert translator.error is not None
