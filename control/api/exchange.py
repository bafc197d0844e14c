"""Between HTTP and the store: bodies and queries in, records out, the store's calls in a thread."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.orm import Session

from tallygate.control.access.access import access_of
from tallygate.control.api.errors import JSON, RefusedError, invalid
from tallygate.control.specs import Spec
from tallygate.control.store.change import Change
from tallygate.control.store.database import ControlStore
from tallygate.schemas.model import Record

T = TypeVar("T")
S = TypeVar("S", bound=Spec)
R = TypeVar("R", bound=Record)
OPENED: web.AppKey[Callable[[], ControlStore]] = web.AppKey("control_store")
MAX_BODY_BYTES = 1024 * 1024


class PageQuery(Spec):
    """Paging; unknown query parameters are mistakes."""

    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: str | None = None


class Page(Record, Generic[R]):
    """One page of a list."""

    data: tuple[R, ...]
    next_cursor: str | None = None


async def reading(request: web.Request, work: Callable[[Session], T]) -> T:
    """Run a read in a thread, over the projects that who asks may manage."""
    opened, access = request.app[OPENED], access_of(request)

    def run() -> T:
        with opened().read(access.managed) as session:
            return work(session)

    return await asyncio.to_thread(run)


async def writing(request: web.Request, work: Callable[[Change], T]) -> T:
    """Run a change in a thread, in the name of who asks and of the projects that they may manage."""
    opened, access = request.app[OPENED], access_of(request)

    def run() -> T:
        with opened().write(access.actor, access.managed) as change:
            return work(change)

    return await asyncio.to_thread(run)


async def body(request: web.Request, spec: type[S]) -> S:
    """The request's body.

    Raises:
        RefusedError: it is too large, or not a `spec`; the message names every mistake.
    """
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise RefusedError(413, "body_too_large", f"at most {MAX_BODY_BYTES} bytes")
    try:
        return spec.model_validate_json(await request.read() or b"{}")
    except ValidationError as error:
        raise invalid(error) from None


def query(request: web.Request, spec: type[S]) -> S:
    """The request's query parameters.

    Raises:
        RefusedError: they are not a `spec`, or one is there twice.
    """
    if len(request.query) != len(set(request.query)):
        raise RefusedError(400, "invalid_request", "a query parameter is there twice")
    try:
        return spec.model_validate(dict(request.query))
    except ValidationError as error:
        raise invalid(error) from None


def paged(found: Sequence[R], limit: int, cursor_of: Callable[[R], Any]) -> Page[R]:
    """A page of what was asked for with `limit + 1`."""
    more = len(found) > limit
    return Page(data=tuple(found[:limit]), next_cursor=str(cursor_of(found[limit - 1])) if more else None)


def answer(record: BaseModel, *, status: int = 200) -> web.Response:
    """A record's response."""
    return web.Response(body=record.model_dump_json().encode(), status=status, content_type=JSON)
