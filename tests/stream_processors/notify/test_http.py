"""Sending to addresses that others have chosen."""

import asyncio
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trustme
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from tallygate.stream_processors.notify.addresses import AddressGuard
from tallygate.stream_processors.notify.http import MAX_ANSWER_BYTES, GuardedClient
from tallygate.stream_processors.notify.outcome import Outcome
from tests.support.receiver import Receiver, receiving

HERE = ("127.0.0.1",)
BODY = b'{"a": 1}'


class Names(AbstractResolver):
    """Resolves every name to the next of some addresses, again and again."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = answers
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(hostname=host, host=a, port=port, family=socket.AF_INET, proto=0, flags=0)
            for a in addresses
        ]

    async def close(self) -> None:
        pass


@asynccontextmanager
async def client(
    allowed: Sequence[str] = HERE,
    *,
    timeout_s: float = 10,
    resolver: AbstractResolver | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[GuardedClient]:
    made = GuardedClient(AddressGuard(allowed), timeout_s=timeout_s, resolver=resolver, tls=tls)
    try:
        yield made
    finally:
        await made.close()


async def post(sender: GuardedClient, url: str) -> Outcome:
    return await sender.post(url, BODY, {"Content-Type": "application/json", "x-mark": "1"})


async def test_a_post_is_delivered_as_it_is() -> None:
    async with receiving() as receiver, client() as sender:
        assert await post(sender, receiver.url) == Outcome("delivered", status=200)
        assert receiver.bodies == [json.loads(BODY)]
        assert receiver.headers[0]["x-mark"] == "1"
        assert "cookie" not in receiver.headers[0]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_every_2xx_is_success(status: int) -> None:
    answering = Receiver(answer=lambda _: web.Response(status=status))
    async with receiving(answering) as receiver, client() as sender:
        assert (await post(sender, receiver.url)).result == "delivered"


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
async def test_everything_else_is_a_failure_that_may_pass(status: int) -> None:
    answering = Receiver(answer=lambda _: web.Response(status=status))
    async with receiving(answering) as receiver, client() as sender:
        outcome = await post(sender, receiver.url)
    assert (outcome.result, outcome.status) == ("failed", status)
    assert str(status) in outcome.error


@pytest.mark.parametrize(
    ("value", "seconds"), [("30", 30), ("999999999", 86400), ("soon", 0), ("-1", 0), ("1" * 30, 0)]
)
async def test_the_receiver_may_ask_to_be_tried_later(value: str, seconds: float) -> None:
    answer = lambda _: web.Response(status=503, headers={"Retry-After": value})  # noqa: E731
    async with receiving(Receiver(answer=answer)) as receiver, client() as sender:
        assert (await post(sender, receiver.url)).retry_after_s == seconds


async def test_410_ends_it() -> None:
    answering = Receiver(answer=lambda _: web.Response(status=410))
    async with receiving(answering) as receiver, client() as sender:
        assert (await post(sender, receiver.url)).result == "gone"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    async with receiving(host="127.0.0.2") as inside:
        answer = lambda _: web.Response(status=status, headers={"Location": inside.url})  # noqa: E731
        async with receiving(Receiver(answer=answer)) as receiver, client(["127.0.0.0/8"]) as sender:
            outcome = await post(sender, receiver.url)
        assert (outcome.result, outcome.status) == ("failed", status)
        assert inside.asked == 0


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ],
)
async def test_this_machine_is_not_called_by_any_of_its_names(host: str) -> None:
    async with receiving() as receiver, client([]) as sender:
        outcome = await post(sender, receiver.url.replace("127.0.0.1", host))
        assert outcome.result == "failed"
        assert outcome.status is None
        assert receiver.asked == 0


async def test_a_name_that_leads_inside_is_refused_and_the_setting_is_named() -> None:
    async with client([], resolver=Names(["169.254.169.254", "10.0.0.1"])) as sender:
        outcome = await post(sender, "http://hooks.example/x")
    assert outcome.result == "failed"
    assert "hooks.example is not a public address" in outcome.error
    assert "notify.allow_private" in outcome.error
    assert "169.254" not in outcome.error


async def test_of_several_addresses_only_the_allowed_are_called() -> None:
    async with receiving() as receiver, receiving(host="127.0.0.2", port=_port(receiver)) as inside:
        async with client(resolver=Names(["127.0.0.2", "127.0.0.1"])) as sender:
            outcome = await post(sender, receiver.url.replace("127.0.0.1", "hooks.example"))
        assert outcome.result == "delivered"
        assert (receiver.asked, inside.asked) == (1, 0)


async def test_a_name_that_changes_its_address_is_checked_each_time() -> None:
    """DNS rebinding: good at the first look, inside at the next."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    closing = lambda _: web.Response(headers={"Connection": "close"})  # noqa: E731
    async with receiving(Receiver(answer=closing)) as receiver:
        url = receiver.url.replace("127.0.0.1", "hooks.example")
        async with receiving(host="127.0.0.2", port=_port(receiver)) as inside:
            async with client(resolver=names) as sender:
                assert (await post(sender, url)).result == "delivered"
            async with client(resolver=names) as sender:
                assert (await post(sender, url)).result == "failed"
            assert names.asked == 2
            assert (receiver.asked, inside.asked) == (1, 0)


async def test_what_the_socket_is_given_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the resolver's check ever be passed by, the connection's own is still there."""
    names = Names(["127.0.0.2"])
    async with receiving(host="127.0.0.2") as inside, client() as sender:
        monkeypatch.setattr(sender._session.connector, "_resolver", names)
        outcome = await post(sender, inside.url.replace("127.0.0.2", "hooks.example"))
        assert outcome.result == "failed"
        assert "not a public address" in outcome.error
        assert (names.asked, inside.asked) == (1, 0)


async def test_a_silent_receiver_is_given_up() -> None:
    async with (
        receiving(Receiver(answers_after=asyncio.Event())) as receiver,
        client(timeout_s=0.3) as sender,
    ):
        begun = time.monotonic()
        outcome = await post(sender, receiver.url)
    assert outcome.error == "no answer within 0.3 s"
    assert time.monotonic() - begun < 5


async def test_a_receiver_that_never_ends_its_answer_is_given_up() -> None:
    class Dripping(web.StreamResponse):
        async def prepare(self, request: web.BaseRequest) -> None:
            await super().prepare(request)
            while True:
                await self.write(b".")
                await asyncio.sleep(0.01)

    async with receiving(Receiver(answer=lambda _: Dripping())) as receiver, client(timeout_s=0.5) as sender:
        assert (await post(sender, receiver.url)).error == "no answer within 0.5 s"


async def test_of_a_long_answer_little_is_read() -> None:
    answer = lambda _: web.Response(body=b"x" * (50 * MAX_ANSWER_BYTES))  # noqa: E731
    async with receiving(Receiver(answer=answer)) as receiver, client() as sender:
        assert (await post(sender, receiver.url)).result == "delivered"


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with client() as sender:
        outcome = await post(sender, f"http://127.0.0.1:{port}/secret-path?token=secret")
    assert outcome.result == "failed"
    assert "127.0.0.1" in outcome.error
    assert "secret" not in outcome.error


async def test_what_is_not_http() -> None:
    async def nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    async with server, client() as sender:
        port = server.sockets[0].getsockname()[1]
        outcome = await post(sender, f"http://127.0.0.1:{port}/")
    assert outcome.result == "failed"
    assert "SSH" not in outcome.error


@pytest.mark.parametrize(
    "url", ["http://", "http://[", "ftp://x/", "http://a b/", "http://x:99999/", "nonsense"]
)
async def test_a_url_that_is_none(url: str) -> None:
    async with client() as sender:
        assert (await post(sender, url)).result == "failed"


async def test_certificates_are_checked() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hooks.example").configure_cert(context)
    known = ssl.create_default_context()
    authority.configure_trust(known)
    async with receiving(tls=context) as receiver:
        url = receiver.url.replace("127.0.0.1", "hooks.example")
        async with client(resolver=Names(HERE), tls=known) as sender:
            assert (await post(sender, url)).result == "delivered"
            outcome = await post(sender, url.replace("hooks", "other"))
            assert "no TLS connection to other.example" in outcome.error
        async with client(resolver=Names(HERE)) as sender:
            assert "no TLS connection to hooks.example" in (await post(sender, url)).error
        assert receiver.asked == 1


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as proxy, receiving() as receiver, client() as sender:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert (await post(sender, receiver.url)).result == "delivered"
        assert proxy.asked == 0


def _port(receiver: Receiver) -> int:
    return int(receiver.url.split(":")[2].split("/")[0])
