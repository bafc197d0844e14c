"""From a request to a plan: authorization, injected failures, the dialect's operation. No sockets."""

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from tallygate.infra.simulator import anthropic, routes
from tallygate.infra.simulator.controls import HEADER, BadControlError, Controls, parse
from tallygate.infra.simulator.plan import Plan, dump
from tallygate.infra.simulator.reply import Call, RefusalError
from tallygate.infra.simulator.stats import Seen, Stats

KEY_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
REQUESTS_LIMIT = 10_000
TOKENS_LIMIT = 2_000_000
OVERLOADED = 529


@dataclass(frozen=True, slots=True)
class Knobs:
    """What holds for every call of a simulator."""

    controls: Controls = field(default_factory=Controls)
    """Where `x-simulate` starts from."""
    need_key: bool = True
    error_every: int = 0
    """Every so many calls one fails with 500 (Anthropic: 529); 0 for none."""
    limit_every: int = 0
    """Every so many calls one is refused with 429; 0 for none."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request, read whole."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Simulator:
    """A simulated world of providers."""

    def __init__(self, knobs: Knobs | None = None) -> None:
        self.knobs = knobs or Knobs()
        self.stats = Stats()
        self._numbers = itertools.count(1)

    def answer(self, received: Received) -> tuple[Plan, Controls]:
        """Decide what to send back. Every mistake of the caller becomes a provider-shaped error."""
        number = self._note(received)
        dialect = routes.dialect_of(received.path, received.headers)
        route = routes.find(received.method, received.path, received.headers)
        controls = self.knobs.controls
        try:
            controls = parse(received.headers.get(HEADER, ""), controls)
            self._authorize(received)
            if route is None:
                raise RefusalError(404, f"Invalid URL ({received.method} {received.path})")
            dialect = route.dialect
            self._fail_if_asked(controls, number, dialect)
            plan = route.answer(_call(route, received, controls, number))
        except BadControlError as error:
            plan = _refused(RefusalError(400, str(error)), dialect, controls)
        except RefusalError as error:
            plan = _refused(error, dialect, controls)
        self.stats.count(route.operation if route else "unknown", plan)
        return replace(plan, headers=dict(plan.headers) | self._headers(number, dialect)), controls

    def _note(self, received: Received) -> int:
        number = next(self._numbers)
        self.stats.requests = number
        body = received.body[:65536]
        self.stats.seen.append(
            Seen(received.method, received.path, dict(received.headers), body, len(received.body))
        )
        return number

    def _authorize(self, received: Received) -> None:
        keys = [received.headers.get(name, "").removeprefix("Bearer").strip() for name in KEY_HEADERS]
        if self.knobs.need_key and not any(keys) and not received.query.get("key"):
            raise RefusalError(401, "You didn't provide an API key.")

    def _fail_if_asked(self, controls: Controls, number: int, dialect: routes.Dialect) -> None:
        if controls.fail_times:
            failures = self.stats.failures_by_key
            if failures[controls.key] >= controls.fail_times:
                return
            failures[controls.key] += 1
            raise RefusalError(controls.status or 503, "The simulator was asked to fail.")
        if controls.status and controls.status != 200:
            raise RefusalError(controls.status, "The simulator was asked to fail.")
        if self.knobs.limit_every and number % self.knobs.limit_every == 0:
            raise RefusalError(429, "Rate limit reached for requests. Please try again in 1s.")
        if self.knobs.error_every and number % self.knobs.error_every == 0:
            overloaded = dialect is anthropic
            raise RefusalError(
                OVERLOADED if overloaded else 500, "The server had an error. Please try again."
            )

    def _headers(self, number: int, dialect: routes.Dialect) -> dict[str, str]:
        tokens = self.stats.input_tokens + self.stats.output_tokens
        limits = dialect.limits(
            REQUESTS_LIMIT - number % REQUESTS_LIMIT, TOKENS_LIMIT - tokens % TOKENS_LIMIT
        )
        request_id = f"req_sim{number:012d}"
        name = "request-id" if dialect is anthropic else "x-request-id"
        return limits | {name: request_id}


def _call(route: routes.Route, received: Received, controls: Controls, number: int) -> Call:
    operation = route.operation
    if operation == "stream" and received.query.get("alt") != "sse":
        operation = "stream.json"
    return Call(operation, received.path, _payload(received), controls, number, int(time.time()))


def _payload(received: Received) -> dict[str, Any]:
    """The request's JSON; empty for uploads and requests without a body.

    Raises:
        RefusalError: not a JSON object.
    """
    multipart = "multipart/" in received.headers.get("content-type", "")
    if received.method != "POST" or multipart or received.path.endswith("/cancel"):
        return {}
    try:
        payload = orjson.loads(received.body)
    except orjson.JSONDecodeError as error:
        raise RefusalError(400, "We could not parse the JSON body of your request.") from error
    if not isinstance(payload, dict):
        raise RefusalError(400, "The body of a request is a JSON object.")
    return payload


def _refused(error: RefusalError, dialect: routes.Dialect, controls: Controls) -> Plan:
    body = dump(dialect.error(error.status, error.message, error.code, error.param))
    headers = {}
    if error.status in (429, 503, OVERLOADED):
        wait_ms = controls.retry_after_ms
        headers = {"retry-after": str(-(-wait_ms // 1000)), "retry-after-ms": str(wait_ms)}
    return Plan(body, status=error.status, headers=headers)
