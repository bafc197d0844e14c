"""`/channels`: who is told. How to reach them goes in and never comes out. `/hooks`: which calls are told."""

from aiohttp import web

from tallygate.control.accounting.channel_specs import ChannelPatch, HookPatch, NewChannel, NewHook
from tallygate.control.api.exchange import answer, body, writing
from tallygate.control.api.resource import one_of, resource
from tallygate.control.specs import Spec
from tallygate.control.store import channels, hooks
from tallygate.control.store.change import Change
from tallygate.schemas.model import Record
from tallygate.schemas.rules import Channel

ONE = one_of("/channels", "chan")


class IssuedChannel(Record):
    """A channel and, of a webhook, its signing secret: the only answer that holds it."""

    channel: Channel
    signing_secret: str | None = None


def _create(change: Change, new: NewChannel) -> IssuedChannel:
    return _issued(channels.create(change, new))


async def rotate(request: web.Request) -> web.Response:
    """`POST /channels/{id}/rotate`."""
    channel_id = request.match_info["id"]
    await body(request, Spec)
    return answer(_issued(await writing(request, lambda change: channels.rotate(change, channel_id))))


def _issued(made: channels.IssuedChannel) -> IssuedChannel:
    return IssuedChannel(channel=made.channel, signing_secret=made.signing_secret)


ROUTES = (
    *resource(
        "/channels",
        "chan",
        channels,
        new=NewChannel,
        create=_create,
        patch=ChannelPatch,
        id_of=lambda channel: channel.channel_id,
    ),
    web.post(ONE + "/rotate", rotate),
    *resource(
        "/hooks",
        "hook",
        hooks,
        new=NewHook,
        create=hooks.create,
        patch=HookPatch,
        id_of=lambda hook: hook.hook_id,
    ),
)
