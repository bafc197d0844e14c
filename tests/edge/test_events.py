"""The fast events are the events of the schemas."""

from typing import Any

import orjson
import pytest

from tallygate.edge import events
from tallygate.edge.call import Call
from tallygate.edge.capture import Capture
from tallygate.edge.events import Ending
from tallygate.edge.labels import Labels
from tallygate.edge.routing.operations import Operation
from tallygate.edge.usage.found import Found
from tallygate.schemas.call import Outcome
from tallygate.schemas.events import RequestEvent, ResponseEvent


def full_call() -> Call:
    call = Call("POST", "/v1/chat/completions", operation=Operation("chat/completions", "/x", "openai"))
    call.label(Labels(user_id="bob", properties={"A": "b"}, session_id="s", model_override="m"))
    call.provider, call.model, call.model_requested, call.stream = "openai", "gpt", "openai/gpt", True
    call.request_capture, call.response_capture = Capture(100), Capture(100)
    call.request_capture.add(b"{}")
    call.response_capture.add(b"\xff")
    call.found = Found(usage={"prompt_tokens": 1}, model="gpt-1", service_tier="flex")
    call.rate_limit = {"retry-after": "1"}
    call.ttft_us = 5
    attempt = call.begin_attempt()
    attempt.status = 200
    attempt.end()
    return call


def field_names(value: Any) -> Any:
    """Names of the fields of a record, records in it included."""
    if isinstance(value, dict):
        return {key: field_names(item) for key, item in value.items()}
    return [field_names(item) for item in value] if isinstance(value, list | tuple) else ()


@pytest.mark.parametrize("call", [full_call(), Call("GET", "/v1/models")])
def test_request_event(call: Call) -> None:
    event = events.request_event(call, "edge", 7)
    model = RequestEvent.model_validate_json(events.encode(event))
    assert model.model_dump(mode="json") == orjson.loads(events.encode(event))
    assert set(event) == set(RequestEvent.model_fields)


@pytest.mark.parametrize("call", [full_call(), Call("GET", "/v1/models")])
def test_response_event(call: Call) -> None:
    event = events.response_event(call, Ending(200, Outcome.OK), "edge", 7)
    for form in (event, events.without_bodies(event)):
        encoded = events.encode(form)
        model = ResponseEvent.model_validate_json(encoded)
        assert model.model_dump(mode="json") == orjson.loads(encoded)
        assert field_names(model.model_dump(mode="json")) == field_names(orjson.loads(encoded))
        assert set(form) == set(ResponseEvent.model_fields)


def test_bodies_can_be_left_out() -> None:
    call = full_call()
    call.label(Labels(omit_request=True, omit_response=True))
    event = events.response_event(call, Ending(200, Outcome.OK), "edge", 7)
    assert (event["request_body"], event["response_body"]) == (None, None)


def test_odd_text_can_always_be_written() -> None:
    call = full_call()
    call.user_id = "a\ud800b"
    call.path = "/x\n" + "y" * 5000
    call.model_requested = "m\x00" * 500
    call.label(Labels(properties={"\udfff": "\ud800"}))
    model = ResponseEvent.model_validate_json(
        events.encode(events.response_event(call, Ending(200, Outcome.OK), "edge", 7))
    )
    assert len(model.path) == 2048
    assert "\n" not in model.path
    assert model.properties == {"?": "?"}


def test_error_messages_hold_no_keys() -> None:
    call = full_call()
    call.keep_secret("sk-secret-key")
    ending = Ending(
        401, Outcome.PROVIDER_ERROR, "invalid_api_key", "Incorrect key sk-secret-key." + "x" * 999
    )
    encoded = events.encode(events.response_event(call, ending, "edge", 7), call.secrets)
    event = ResponseEvent.model_validate_json(encoded)
    assert event.error_message.startswith("Incorrect key [redacted].")
    assert len(event.error_message) < 512


@pytest.mark.parametrize("shown", range(6, 16))
def test_no_part_of_a_key_is_left_where_a_message_is_cut(shown: int) -> None:
    key = "sk-secret-key-of-some-length"
    call = full_call()
    call.keep_secret(key)
    message = "x" * (events.MAX_MESSAGE_CHARS - shown) + key
    ending = Ending(401, Outcome.PROVIDER_ERROR, "invalid_api_key", message)
    encoded = events.encode(events.response_event(call, ending, "edge", 7), call.secrets)
    assert key[:6] not in ResponseEvent.model_validate_json(encoded).error_message


@pytest.mark.parametrize(
    "key", ["llm.response", "anthropic", "provider", "input_tokens", "request_id", "16777216", "complete"]
)
def test_a_key_that_looks_like_a_part_of_the_record_does_not_break_it(key: str) -> None:
    """It would else be a bad event, and its call would not be counted."""
    call = full_call()
    call.provider = "anthropic"
    call.found.usage = {"input_tokens": 16777216, "note": f"of {key}"}
    call.label(Labels(properties={key: f"key {key}."}))
    call.keep_secret(key)
    event = events.response_event(call, Ending(200, Outcome.OK), "edge", 16777216)
    model = ResponseEvent.model_validate_json(events.encode(event, call.secrets))
    assert (model.provider, model.origin.seq, model.outcome) == ("anthropic", 16777216, Outcome.OK)
    assert model.usage == {"input_tokens": 16777216, "note": "of [redacted]"}
    assert model.properties == {"[redacted]": "key [redacted]."}


def test_a_key_that_json_escapes_is_taken_out() -> None:
    call = full_call()
    call.keep_secret('sk-a"b\\c-key')
    ending = Ending(401, Outcome.PROVIDER_ERROR, "", 'Incorrect key sk-a"b\\c-key.')
    encoded = events.encode(events.response_event(call, ending, "edge", 7), call.secrets)
    assert ResponseEvent.model_validate_json(encoded).error_message == "Incorrect key [redacted]."
