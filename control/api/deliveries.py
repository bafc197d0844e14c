"""`/deliveries`: the delivery log. `/channels/{id}/test`: whether a channel works."""

from typing import Annotated

from aiohttp import web
from pydantic import StringConstraints

from tallygate.control.accounting.rule_specs import ChannelId
from tallygate.control.api.exchange import PageQuery, answer, body, paged, query, reading, writing
from tallygate.control.api.resource import one_of
from tallygate.control.specs import ProjectId, Spec
from tallygate.control.store import deliveries
from tallygate.schemas.deliveries import DeliveryState

ONE = one_of("/deliveries", "dlv")


class DeliveryQuery(PageQuery):
    """Which deliveries to list."""

    project: ProjectId | None = None
    channel: ChannelId | None = None
    state: DeliveryState | None = None
    cursor: Annotated[str, StringConstraints(pattern=r"^dlv_[0-9a-f]{32}$")] | None = None


async def listed(request: web.Request) -> web.Response:
    """`GET /deliveries`."""
    asked = query(request, DeliveryQuery)
    found = await reading(
        request,
        lambda session: deliveries.listed(
            session,
            project=asked.project,
            channel=asked.channel,
            state=asked.state,
            before=asked.cursor,
            limit=asked.limit + 1,
        ),
    )
    return answer(paged(found, asked.limit, lambda delivery: delivery.id))


async def show(request: web.Request) -> web.Response:
    """`GET /deliveries/{id}`."""
    wanted = request.match_info["id"]
    return answer(await reading(request, lambda session: deliveries.show(session, wanted)))


async def resend(request: web.Request) -> web.Response:
    """`POST /deliveries/{id}/resend`."""
    wanted = request.match_info["id"]
    await body(request, Spec)
    return answer(await writing(request, lambda change: deliveries.resend(change, wanted)))


async def test(request: web.Request) -> web.Response:
    """`POST /channels/{id}/test`."""
    channel_id = request.match_info["id"]
    await body(request, Spec)
    made = await writing(request, lambda change: deliveries.test_channel(change, channel_id))
    return answer(made, status=201)


ROUTES = (
    web.get("/deliveries", listed),
    web.get(ONE, show),
    web.post(ONE + "/resend", resend),
    web.post(one_of("/channels", "chan") + "/test", test),
)
