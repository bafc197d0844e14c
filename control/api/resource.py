"""The routes of things that are listed, made, shown, changed and removed, all in the same way."""

from collections.abc import Callable
from typing import Annotated, Protocol, TypeVar

from aiohttp import web
from pydantic import BaseModel, StringConstraints
from sqlalchemy.orm import Session

from tallygate.control.api.exchange import PageQuery, answer, body, paged, query, reading, writing
from tallygate.control.specs import ProjectId, Spec
from tallygate.control.store.change import Change
from tallygate.schemas.model import Record

N = TypeVar("N", bound=Spec)
P_contra = TypeVar("P_contra", bound=Spec, contravariant=True)
R = TypeVar("R", bound=Record)


class Kept(Protocol[P_contra, R]):
    """A module of the store."""

    def listed(
        self, session: Session, /, *, project: str | None = None, before: str | None = None, limit: int
    ) -> list[R]:
        """Newest first."""
        ...

    def show(self, session: Session, item_id: str, /) -> R:
        """One."""
        ...

    def patch(self, change: Change, item_id: str, changes: P_contra, /) -> R:
        """Change one."""
        ...

    def remove(self, change: Change, item_id: str, /) -> None:
        """Delete one."""
        ...


class _Query(PageQuery):
    project: ProjectId | None = None
    cursor: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,16}_[0-9a-f]{32}$")] | None = None


def resource(
    path: str,
    id_prefix: str,
    kept: Kept[P_contra, R],
    *,
    new: type[N],
    create: Callable[[Change, N], BaseModel],
    patch: type[P_contra],
    id_of: Callable[[R], str],
) -> tuple[web.RouteDef, ...]:
    """`GET` and `POST` of `path`; `GET`, `PATCH` and `DELETE` of `path/{id}`."""

    async def listing(request: web.Request) -> web.Response:
        asked = query(request, _Query)

        def found(session: Session) -> list[R]:
            return kept.listed(session, project=asked.project, before=asked.cursor, limit=asked.limit + 1)

        return answer(paged(await reading(request, found), asked.limit, id_of))

    async def creating(request: web.Request) -> web.Response:
        given = await body(request, new)
        return answer(await writing(request, lambda change: create(change, given)), status=201)

    async def showing(request: web.Request) -> web.Response:
        item_id = request.match_info["id"]
        return answer(await reading(request, lambda session: kept.show(session, item_id)))

    async def patching(request: web.Request) -> web.Response:
        item_id, changes = request.match_info["id"], await body(request, patch)
        return answer(await writing(request, lambda change: kept.patch(change, item_id, changes)))

    async def removing(request: web.Request) -> web.Response:
        item_id = request.match_info["id"]
        await writing(request, lambda change: kept.remove(change, item_id))
        return web.Response(status=204)

    one = one_of(path, id_prefix)
    return (
        web.get(path, listing),
        web.post(path, creating),
        web.get(one, showing),
        web.patch(one, patching),
        web.delete(one, removing),
    )


def one_of(path: str, id_prefix: str) -> str:
    """The path of one thing."""
    return rf"{path}/{{id:{id_prefix}_[0-9a-f]{{32}}}}"
