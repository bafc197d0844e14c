"""Connections of the lean client: kept, dropped, found dead."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tallygate.edge.upstream.base import UpstreamClosedError, UpstreamConnectError, UpstreamError
from tallygate.edge.upstream.lean import client as client_module
from tests.edge.upstream.support import (
    authority,
    fetch,
    in_parts,
    lean,
    listening,
    never,
    read,
    request,
    sending,
)
from tests.support.provider import Received, answering, http, running_provider
from tests.support.wait import eventually


class ClosesOnReuse:
    """Answers the first request on each connection, and closes it upon the second."""

    def __init__(self, partial: bytes = b"", *, even_first: bool = False) -> None:
        self._seen: set[asyncio.StreamWriter] = set()
        self._partial = partial
        self.closes_all = even_first

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        if writer in self._seen or self.closes_all:
            writer.write(self._partial)
            writer.close()
            return
        self._seen.add(writer)
        writer.write(http(b"ok"))


async def test_a_connection_closed_as_idle_costs_no_call() -> None:
    async with running_provider(ClosesOnReuse()) as provider, lean() as client:
        for _ in range(3):
            assert await fetch(client, request(provider.url)) == (200, b"ok")
        assert (provider.connections, len(provider.received)) == (3, 5)


async def test_it_is_repeated_once() -> None:
    handler = ClosesOnReuse()
    async with running_provider(handler) as provider, lean() as client:
        await fetch(client, request(provider.url))
        handler.closes_all = True
        with pytest.raises(UpstreamClosedError):
            await client.send(request(provider.url))
        assert len(provider.received) == 3


async def test_on_a_new_connection_nothing_is_repeated() -> None:
    async with running_provider(ClosesOnReuse(even_first=True)) as provider, lean() as client:
        with pytest.raises(UpstreamClosedError):
            await client.send(request(provider.url))
        assert len(provider.received) == 1


async def test_nothing_is_repeated_once_a_byte_has_come() -> None:
    async with running_provider(ClosesOnReuse(b"H")) as provider, lean() as client:
        await fetch(client, request(provider.url))
        with pytest.raises(UpstreamClosedError):
            await client.send(request(provider.url))
        assert len(provider.received) == 2


async def test_a_body_that_is_not_at_hand_is_not_repeated() -> None:
    async with running_provider(ClosesOnReuse()) as provider, lean() as client:
        await fetch(client, request(provider.url))
        with pytest.raises(UpstreamClosedError):
            await client.send(request(provider.url, body=in_parts(b"x")))
        assert len(provider.received) == 2


async def test_a_call_on_which_the_provider_may_have_worked_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "STALE_WITHIN_S", -1.0)
    async with running_provider(ClosesOnReuse()) as provider, lean() as client:
        await fetch(client, request(provider.url))
        with pytest.raises(UpstreamClosedError):
            await client.send(request(provider.url))
        assert len(provider.received) == 2


async def test_idle_connections_are_closed() -> None:
    async with running_provider(answering(http())) as provider, lean(keepalive_s=0.05) as client:
        await fetch(client, request(provider.url))
        assert client.open_connections == 1
        await eventually(lambda: client.open_connections == 0)
        await fetch(client, request(provider.url))
        assert provider.connections == 2


async def test_a_connection_that_speaks_unasked_is_closed() -> None:
    go_on = asyncio.Event()

    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(http(b"ok"))
        if len(provider.received) == 1:
            await go_on.wait()
            writer.write(http(b"for whom?"))

    async with running_provider(handler) as provider, lean() as client:
        await fetch(client, request(provider.url))
        go_on.set()
        await eventually(lambda: client.open_connections == 0)
        assert await fetch(client, request(provider.url)) == (200, b"ok")


async def test_a_complete_answer_frees_its_connection_before_it_is_read() -> None:
    async with running_provider(answering(http(b"ok"))) as provider, lean() as client:
        first = await client.send(request(provider.url))
        second = await client.send(request(provider.url))
        first.close()
        assert (await read(first), await read(second)) == (b"ok", b"ok")
        assert provider.connections == 1


async def test_connections_belong_to_their_origin() -> None:
    async with (
        running_provider(answering(http(b"one"))) as one,
        running_provider(answering(http(b"two"))) as two,
        lean() as client,
    ):
        for _ in range(2):
            assert (await fetch(client, request(one.url)))[1] == b"one"
            assert (await fetch(client, request(two.url)))[1] == b"two"
        assert (one.connections, two.connections) == (1, 1)


@pytest.mark.parametrize(("length", "parts"), [(5, (b"hello", b"GET / HTTP/1.1")), (9, (b"hello",))])
async def test_a_body_of_another_length_than_declared(length: int, parts: tuple[bytes, ...]) -> None:
    async with running_provider(never) as provider, lean() as client:
        with pytest.raises(UpstreamClosedError, match="than declared"):
            await client.send(request(provider.url, body=in_parts(*parts), length=length))
        await eventually(lambda: client.open_connections == 0)


async def test_an_answer_before_the_body_is_sent_ends_the_connection() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http(b"no", "413 Too Large"))
        await reader.read(-1)
        writer.close()

    async with listening(early) as address, lean() as client:
        url = f"http://{address}/"
        assert await fetch(client, request(url, body=body())) == (413, b"no")
        await eventually(lambda: client.open_connections == 0)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)
    writer.close()


async def test_a_handshake_that_does_not_end_runs_out_of_time() -> None:
    async with listening(silent) as address, lean(connect_timeout_s=0.1) as client:
        url = f"https://{address}/"
        with pytest.raises(UpstreamConnectError, match="timeout"):
            await client.send(request(url))
        assert client.open_connections == 0


async def test_tls_takes_its_host_name_and_its_reason_is_told() -> None:
    trusted = authority()
    async with (
        running_provider(answering(http(b"ok")), trusted.server("localhost")) as provider,
        lean(tls=trusted.client) as client,
    ):
        by_name = provider.url.replace("127.0.0.1", "LocalHost")
        assert await fetch(client, request(by_name)) == (200, b"ok")
        with pytest.raises(UpstreamConnectError, match="certificate: "):
            await client.send(request(provider.url))


async def test_ipv6() -> None:
    try:
        async with running_provider(answering(http(b"ok")), host="::1") as provider, lean() as client:
            assert await fetch(client, request(provider.url)) == (200, b"ok")
            assert provider.last.header("host") == provider.url.removeprefix("http://")
    except OSError:
        pytest.skip("no IPv6 here")


async def test_a_closed_client_takes_no_calls() -> None:
    async with running_provider(sending(http())) as provider:
        async with lean() as client:
            await fetch(client, request(provider.url))
        assert client.open_connections == 0
        with pytest.raises(UpstreamError):
            await client.send(request(provider.url))
