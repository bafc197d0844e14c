"""An operation of the API: its route, and all that is told of it."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from tallygate.analytics.api.scope import Scope, parse_query, parse_scope
from tallygate.analytics.errors import RequestError
from tallygate.analytics.invalid import invalid_body
from tallygate.analytics.keys import CALLS, EXECUTOR, project_of
from tallygate.analytics.models import ApiModel
from tallygate.analytics.requests.statement import Rows

Q = TypeVar("Q", bound=ApiModel)
A = TypeVar("A", bound=BaseModel)
T = TypeVar("T")
B = TypeVar("B", bound=BaseModel)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
JSON = "application/json"


class NoQuery(ApiModel):
    """No parameters of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A method of a path."""

    method: str
    path: str
    """As aiohttp takes it, below `/api/v1`; parameters in braces are texts."""
    name: str
    """The `operationId`: of clients made from the document, the function."""
    tag: str
    summary: str
    handler: Handler
    answer: type[BaseModel] | None = None
    """Of JSON answers."""
    status: int = 200
    query: type[ApiModel] = NoQuery
    scoped: bool = False
    """Whether it takes a period and filters."""
    body: type[BaseModel] | None = None
    media: Mapping[str, str] = field(default_factory=dict)
    """Of answers that are no JSON of `answer`: type and description."""
    example: Mapping[str, Any] | None = None
    """Of the body."""


def report(
    path: str,
    name: str,
    tag: str,
    summary: str,
    read: Callable[[Rows, Scope, Q], A],
    *,
    query: type[Q],
    answer: type[A],
) -> Operation:
    """An operation that reads calls of a period: `read` runs in a thread."""

    async def handler(request: web.Request) -> web.Response:
        pairs = list(request.query.items())
        asked = parse_query(pairs, query, scoped=True)
        scope = parse_scope(pairs, project_of(request), now_us())
        return json_answer(await reading(request, lambda rows: read(rows, scope, asked)))

    return Operation(
        method="GET",
        path=path,
        name=name,
        tag=tag,
        summary=summary,
        handler=handler,
        answer=answer,
        query=query,
        scoped=True,
    )


async def reading(request: web.Request, work: Callable[[Rows], T]) -> T:
    """Read in a thread of the executor."""
    return await request.app[EXECUTOR].run(partial(request.app[CALLS].read, work))


async def json_body(request: web.Request, model: type[B]) -> B:
    """The request's body.

    Raises:
        RequestError: it is no JSON, or not as the model says.
    """
    if request.content_type != JSON:
        # A form of another site can be sent without asking; JSON can't.
        raise RequestError(415, "invalid_request", "send JSON, with Content-Type: application/json")
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        raise invalid_body(error) from error


def json_answer(model: BaseModel, status: int = 200) -> web.Response:
    """A model as an answer."""
    body = model.model_dump_json(by_alias=True).encode()
    return web.Response(status=status, body=body, content_type=JSON)


def now_us() -> int:
    """The time, in microseconds since the epoch."""
    return time.time_ns() // 1000
