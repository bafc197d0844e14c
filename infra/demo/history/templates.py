"""Calls that a day's rows are made from, priced by the accounts' own pricer. Pure.

A row takes tokens, money, outcome and tries from a template, and has its own time, user, session, speed and
words. So money is what the pricer says, at the day's prices, while rows cost no Python.
"""

import json
import random
import uuid
from datetime import datetime
from typing import Any, NamedTuple

from tallygate.infra.demo.history.catalogue import (
    ANSWER,
    CASE,
    EMBEDDING,
    FAQ,
    FEATURES,
    LARGE,
    LARGE_STEPS,
    MODELS,
    QUESTIONS,
    SMALL,
    WORKFLOWS,
    Model,
)
from tallygate.infra.demo.history.endings import ending
from tallygate.schemas.call import Body, Origin
from tallygate.schemas.events import ResponseEvent
from tallygate.schemas.records import Call
from tallygate.stream_processors.pricing import Pricer

FAQ_SHARE = 0.09
EMBEDDING_SHARE = 0.07
STREAM_SHARE = 0.45
STEPS = [(workflow, name, path) for workflow, name, paths in WORKFLOWS for path in paths]
CACHED_PARTS = (0.25, 0.5, 0.75, 0.9)


class Templates(NamedTuple):
    """Priced calls: first `single` of no session, then `per_step` of each of `STEPS`."""

    calls: list[Call]
    single: int
    per_step: int


def templates(
    project: str, day: datetime, load: float, wanted: int, pricer: Pricer, chance: random.Random
) -> Templates:
    """About so many templates, at the prices of that time; their number is their `origin.seq`."""
    per_step = max(2, wanted // 3 // len(STEPS))
    single = max(24, wanted - per_step * len(STEPS))
    maker = _Maker(project, int(day.timestamp() * 1_000_000), load, chance)
    fields = [maker.single() for _ in range(single)]
    fields += [maker.step(*step) for step in STEPS for _ in range(per_step)]
    events = (_event(number, values) for number, values in enumerate(fields))
    return Templates([pricer.price(event) for event in events], single, per_step)


def _event(number: int, fields: dict[str, Any]) -> ResponseEvent:
    event_id = str(uuid.UUID(int=number))
    return ResponseEvent(
        request_id=event_id,
        event_id=event_id,
        origin=Origin(edge_id="template", seq=number),
        method="POST",
        **fields,
    )


class _Maker:
    """Draws the fields of events."""

    def __init__(self, project: str, at_us: int, load: float, chance: random.Random) -> None:
        self._project, self._at_us, self._load, self._chance = project, at_us, load, chance

    def single(self) -> dict[str, Any]:
        """A call of no session."""
        chance = self._chance
        drawn = chance.random()
        feature = chance.choices(FEATURES, range(len(FEATURES), 0, -1))[0]
        if drawn < EMBEDDING_SHARE:
            return self._embedding() | {"properties": {"Feature": "search"}}
        faq = drawn < EMBEDDING_SHARE + FAQ_SHARE
        model = chance.choice(SMALL) if faq else self._model()
        asked = chance.choice(FAQ) if faq else f"{chance.choice(QUESTIONS)} {CASE}"
        return self._chat(model, asked, faq=faq) | {"properties": {"Feature": "help" if faq else feature}}

    def step(self, workflow: str, name: str, path: str) -> dict[str, Any]:
        """A step of an agent's run."""
        model = self._chance.choice(LARGE if path in LARGE_STEPS else SMALL)
        properties = {"Feature": "agents", "Workflow": workflow, "Step": path.rsplit("/", 1)[-1]}
        labels = {"session_name": name, "session_path": f"/{path}", "prompt_id": f"{workflow}/{path}"}
        asked = f"{self._chance.choice(QUESTIONS)} {CASE}"
        return self._chat(model, asked, faq=False) | {
            "properties": properties,
            "prompt_version": "3",
            **labels,
        }

    def _model(self) -> Model:
        return self._chance.choices(MODELS, [model.share for model in MODELS])[0]

    def _chat(self, model: Model, question: str, *, faq: bool) -> dict[str, Any]:
        chance = self._chance
        ended = ending(model, self._load, chance, faq=faq)
        input_tokens = 60 + len(question) // 4 if faq else int(chance.lognormvariate(6.9, 0.9)) + 40
        output_tokens = int(chance.lognormvariate(5.2, 0.7)) + 8
        used = _usage(model, input_tokens, output_tokens, chance, faq=faq) if ended["status"] == 200 else {}
        stream = chance.random() < STREAM_SHARE
        anthropic = model.provider == "anthropic"
        request, answer = (_messages if anthropic else _completion)(model, question, stream)
        answered = ended["status"] in (200, 499)
        path = "/v1/messages" if anthropic else "/v1/chat/completions"
        fields = {"stream": stream, "response_body": _body(answer) if answered else None, **used}
        return self._common(model, path, request) | fields | ended | self._end(ended)

    def _embedding(self) -> dict[str, Any]:
        count = int(self._chance.lognormvariate(5.5, 0.8)) + 4
        request = {"model": EMBEDDING.name, "input": [CASE]}
        vector = [round(self._chance.uniform(-1, 1), 4) for _ in range(8)]
        answer = {"object": "list", "data": [{"index": 0, "embedding": vector}], "model": EMBEDDING.name}
        ended = ending(EMBEDDING, 0.0, self._chance, faq=False)
        good = ended["status"] == 200
        usage = {"prompt_tokens": count, "total_tokens": count} if good else None
        fields = {
            "usage": usage,
            "usage_flavor": "openai.embeddings",
            "response_body": _body(answer) if good else None,
        }
        return self._common(EMBEDDING, "/v1/embeddings", request) | fields | ended | self._end(ended)

    def _common(self, model: Model, path: str, request: dict[str, Any]) -> dict[str, Any]:
        return {
            "project": self._project,
            "path": path,
            "endpoint": path.removeprefix("/v1/"),
            "provider": model.provider,
            "model": model.name,
            "model_requested": model.name,
            "received_at_us": self._at_us,
            "request_body": _body(request),
            "provider_request_id": f"req_{self._chance.getrandbits(64):016x}",
        }

    def _end(self, ended: dict[str, Any]) -> dict[str, Any]:
        return {"ended_at_us": self._at_us + ended["latency_us"]}


def _usage(model: Model, asked: int, answered: int, chance: random.Random, *, faq: bool) -> dict[str, Any]:
    """The provider's own count, in its own shape."""
    cached = int(asked * chance.choice(CACHED_PARTS)) if asked > 1024 and chance.random() < 0.45 else 0
    thought = int(answered * chance.uniform(0.5, 3)) if model.reasons and not faq else 0
    if model.provider == "anthropic":
        written = (asked - cached) // 2 if asked > 2048 and chance.random() < 0.2 else 0
        usage = {
            "input_tokens": asked - cached - written,
            "cache_read_input_tokens": cached,
            "cache_creation_input_tokens": written,
            "output_tokens": answered,
        }
        return {"usage": usage, "usage_flavor": "anthropic.messages"}
    if model.provider == "google":
        usage = {
            "promptTokenCount": asked,
            "candidatesTokenCount": answered,
            "thoughtsTokenCount": thought,
            "cachedContentTokenCount": cached,
            "totalTokenCount": asked + answered + thought,
        }
        return {"usage": usage, "usage_flavor": "google.generate"}
    return {"usage": _openai_usage(asked, cached, answered, thought), "usage_flavor": "openai.chat"}


def _openai_usage(asked: int, cached: int, answered: int, thought: int) -> dict[str, Any]:
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered + thought,
        "total_tokens": asked + answered + thought,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": thought},
    }


def _completion(model: Model, question: str, stream: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    system = {
        "role": "system",
        "content": "You help the people of this company. Be brief, and say what you do not know.",
    }
    messages = [system, {"role": "user", "content": question}]
    choice = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
    return (
        {"model": model.name, "messages": messages, "temperature": 0.2} | _streamed(stream),
        {"object": "chat.completion", "model": model.name, "choices": [choice]},
    )


def _messages(model: Model, question: str, stream: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    text = {"type": "text", "text": ANSWER}
    return (
        {"model": model.name, "max_tokens": 2048, "messages": [{"role": "user", "content": question}]}
        | _streamed(stream),
        {
            "type": "message",
            "role": "assistant",
            "model": model.name,
            "content": [text],
            "stop_reason": "end_turn",
        },
    )


def _streamed(stream: bool) -> dict[str, Any]:
    return {"stream": True} if stream else {}


def _body(value: dict[str, Any]) -> Body:
    text = json.dumps(value)
    return Body(text=text, size_bytes=len(text))
