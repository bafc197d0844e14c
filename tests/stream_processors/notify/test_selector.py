"""Which calls are told."""

import json
from typing import Any

from pydantic import TypeAdapter

from tallygate.schemas.deliveries import MAX_BODY_CHARS, Outgoing, of_call
from tallygate.schemas.filters import Filter
from tallygate.schemas.records import Call
from tallygate.schemas.rules import CallHook, RuleBook, by_project
from tallygate.schemas.webhooks import CallWebhook
from tallygate.stream_processors.notify.selector import CallSelector
from tests.support.factories import call

FILTERS: TypeAdapter[Any] = TypeAdapter(Filter)


def hook(number: int = 1, **fields: Any) -> CallHook:
    defaults = {"project": "default", "name": "h", "channel_id": f"chan_{number}", "created_at_us": 1}
    return CallHook(**{"hook_id": f"hook_{number}", **defaults, **fields})


def selected(calls: list[Call], *hooks: CallHook) -> list[Outgoing]:
    book = RuleBook(version=1, hooks=by_project(hooks))
    return CallSelector(lambda: book).outgoing(calls)


def test_without_hooks_only_those_that_ask() -> None:
    asking, silent = call(webhook=True), call()
    (one,) = selected([asking, silent])
    assert (one.kind, one.type, one.channels) == ("call", "call.completed", ())
    assert json.loads(one.payload)["data"]["request_id"] == asking.request_id


def test_a_hook_takes_the_calls_of_its_project() -> None:
    mine, theirs = call(), call(project="other")
    (one,) = selected([mine, theirs], hook())
    assert (one.project, one.channels) == ("default", ("chan_1",))


def test_a_filter_chooses() -> None:
    only = FILTERS.validate_python({"field": "status", "op": "gte", "value": 500})
    bad, good = call(status=503), call()
    (one,) = selected([bad, good], hook(filter=only))
    assert json.loads(one.payload)["data"]["status"] == 503


def test_sampling_follows_the_request_whoever_asks() -> None:
    calls = [call() for _ in range(2000)]
    first = {one.event_id for one in selected(calls, hook(sample_percent=25))}
    again = {one.event_id for one in selected(list(reversed(calls)), hook(sample_percent=25))}
    assert first == again
    assert 400 < len(first) < 600
    other = {one.event_id for one in selected(calls, hook(2, sample_percent=25))}
    assert other != first
    more = {one.event_id for one in selected(calls, hook(sample_percent=50))}
    assert first < more


def test_texts_go_along_only_if_they_are_asked_for() -> None:
    one = call(prompt="secret plan", response="x" * (MAX_BODY_CHARS + 1))
    bare = CallWebhook.model_validate_json(of_call(one).payload).data
    assert (bare.prompt, bare.response) == ("", "")
    assert (bare.prompt_truncated, bare.response_truncated) == (True, True)
    full = CallWebhook.model_validate_json(of_call(one, bodies=True).payload).data
    assert full.prompt == "secret plan"
    assert len(full.response) == MAX_BODY_CHARS
    assert (full.prompt_truncated, full.response_truncated) == (False, True)
    (with_bodies, asked) = selected([call(webhook=True)], hook(include_bodies=True))
    assert json.loads(with_bodies.payload)["data"]["prompt"] != ""
    assert json.loads(asked.payload)["data"]["prompt"] == ""
    assert with_bodies.event_id == asked.event_id


def test_a_new_book_is_followed() -> None:
    books = [RuleBook(version=-1), RuleBook(version=1, hooks=by_project([hook()]))]
    selector = CallSelector(lambda: books[0])
    assert (selector.ready, selector.idle) == (False, True)
    assert selector.outgoing([call()]) == []
    del books[0]
    assert (selector.ready, selector.idle) == (True, False)
    assert len(selector.outgoing([call()])) == 1
