"""What the proxy may expect of any client."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from tallygate.edge.upstream.base import (
    UpstreamClosedError,
    UpstreamConnectError,
    UpstreamError,
    UpstreamProtocolError,
)
from tallygate.runtime.tasks import spawn
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
from tests.support.provider import Received, answering, chunk, http, running_provider
from tests.support.wait import eventually

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWERS = {
    "length": (http(b"hello"), "POST", 200, b"hello"),
    "empty": (http(b""), "POST", 200, b""),
    "chunked": (CHUNKED + chunk(b"hel") + chunk(b"lo") + chunk(b""), "POST", 200, b"hello"),
    "trailers": (CHUNKED + b"5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", "GET", 200, b"hello"),
    "no content": (b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", "DELETE", 204, b""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "GET", 304, b""),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "GET", 200, b"ok"),
    "interim": (b"HTTP/1.1 100 Continue\r\n\r\n" + http(b"hello"), "POST", 200, b"hello"),
    "hints": (b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + http(b"ok"), "GET", 200, b"ok"),
    "redirect": (b"HTTP/1.1 302 F\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "GET", 302, b""),
}


@pytest.mark.parametrize("case", ANSWERS)
async def test_an_answer_may_be_cut_at_every_byte(case: str) -> None:
    data, method, status, body = ANSWERS[case]
    async with running_provider(never) as provider, lean() as client:
        for at in range(len(data) + 1):
            provider.handler = sending(data[:at], data[at:])
            got = await fetch(client, request(provider.url, method, None))
            assert got == (status, body), at
        assert provider.connections == 1


async def test_a_body_until_the_connections_end_may_be_cut_at_every_byte() -> None:
    data = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello"
    async with running_provider(never) as provider, lean() as client:
        for at in range(len(data) + 1):
            provider.handler = sending(data[:at], data[at:], close=True)
            assert await fetch(client, request(provider.url)) == (200, b"hello"), at


async def test_an_answer_to_head_has_no_body() -> None:
    async with (
        running_provider(answering(http(b"")[:-5] + b"5\r\n\r\n")) as provider,
        lean() as client,
    ):
        for _ in range(2):
            response = await client.send(request(provider.url, "HEAD", None))
            assert (b"Content-Length", b"5") in response.headers
            assert await asyncio.wait_for(response.chunk(), 5) == b""
            assert response.ended
            response.close()


async def test_the_head_is_given_as_it_came() -> None:
    answer = b"HTTP/1.1 299 Odd Reason\r\nx-ODD:  a b \r\nSet-Cookie: 1\r\nset-cookie: \xc3\xa9\r\n\r\n"
    async with running_provider(sending(answer, close=True)) as provider, lean() as client:
        response = await client.send(request(provider.url))
        assert (response.status, response.reason) == (299, "Odd Reason")
        assert [(n, v.strip()) for n, v in response.headers] == [
            (b"x-ODD", b"a b"),
            (b"Set-Cookie", b"1"),
            (b"set-cookie", b"\xc3\xa9"),
        ]
        assert await read(response) == b""
        response.close()


async def test_a_request_is_sent_as_it_is() -> None:
    target = "/v1/a%2Fb%20c//d?x=%7B1%7D&y=a+b,c;d'e"
    headers = [(b"X-ODD-case", b"1"), (b"x-two", "é ü".encode()), (b"X-ODD-case", b"2")]
    async with running_provider(answering(http())) as provider, lean() as client:
        await fetch(client, request(provider.url + target, body=b"\0\xff body", headers=headers))
        sent = provider.last
        assert (sent.method, sent.target, sent.body) == ("POST", target, b"\0\xff body")
        assert sent.header("host") == provider.url.removeprefix("http://")
        assert sent.header("content-length") == "7"
        own = {"host", "content-length"}
        assert [(n, v.encode("latin-1").decode()) for n, v in sent.headers if n.lower() not in own] == [
            ("X-ODD-case", "1"),
            ("x-two", "é ü"),
            ("X-ODD-case", "2"),
        ]


@pytest.mark.parametrize(("method", "length"), [("GET", None), ("DELETE", None), ("POST", "0"), ("PUT", "0")])
async def test_a_request_without_a_body(method: str, length: str | None) -> None:
    async with running_provider(answering(http())) as provider, lean() as client:
        await fetch(client, request(provider.url, method, None))
        assert provider.last.header("transfer-encoding") is None
        assert provider.last.header("content-length") == length


@pytest.mark.parametrize("length", [None, 12])
async def test_a_body_that_comes_bit_by_bit(length: int | None) -> None:
    async with running_provider(answering(http(b"ok"))) as provider, lean() as client:
        for _ in range(2):
            body = in_parts(b"hello, ", b"", b"world")
            assert await fetch(client, request(provider.url, body=body, length=length)) == (200, b"ok")
            assert provider.last.body == b"hello, world"
            assert provider.last.header("transfer-encoding") == (None if length else "chunked")
        assert provider.connections == 1


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", UpstreamClosedError),
        (b"HTTP/1.1 200 OK\r\nContent-Le", UpstreamClosedError),
        (b"HTTP/1.1 100 Continue\r\n\r\n", UpstreamClosedError),
        (b"this is not HTTP\r\n\r\n", UpstreamProtocolError),
        (b"\x16\x03\x01\x02\x00", UpstreamProtocolError),
        (b"HTTP/1.1 abc OK\r\n\r\n", UpstreamProtocolError),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", UpstreamProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", UpstreamProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", UpstreamProtocolError),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n", UpstreamProtocolError),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000, UpstreamProtocolError),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n", UpstreamProtocolError),
    ],
)
async def test_no_answer(data: bytes, kind: type[UpstreamError]) -> None:
    async with running_provider(sending(data, close=True)) as provider, lean() as client:
        with pytest.raises(kind):
            await client.send(request(provider.url))


@pytest.mark.parametrize("cut", [b"", b"2", b"2\r", b"2\r\n", b"2\r\nx", b"2\r\nxx", b"0\r\n"])
async def test_a_body_that_ends_early(cut: bytes) -> None:
    data = CHUNKED + chunk(b"hello")
    async with running_provider(sending(data, cut, close=True)) as provider, lean() as client:
        response = await client.send(request(provider.url))
        with pytest.raises(UpstreamClosedError):
            await asyncio.wait_for(read(response), 5)
        response.close()


async def test_a_body_shorter_than_declared() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"
    async with running_provider(sending(data, close=True)) as provider, lean() as client:
        response = await client.send(request(provider.url))
        with pytest.raises(UpstreamClosedError):
            await asyncio.wait_for(read(response), 5)
        response.close()


async def test_a_body_whose_framing_breaks_off() -> None:
    data = CHUNKED + chunk(b"hello")
    async with (
        running_provider(sending(data, b"zz\r\nbroken\r\n")) as provider,
        lean() as client,
    ):
        response = await client.send(request(provider.url))
        with pytest.raises(UpstreamError) as caught:
            await asyncio.wait_for(read(response), 5)
        assert caught.value.kind == "protocol"
        response.close()


async def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with lean() as client:
            with pytest.raises(UpstreamConnectError):
                await client.send(request(f"http://127.0.0.1:{taken.getsockname()[1]}/"))


async def test_a_name_that_is_not_known() -> None:
    async with lean() as client:
        with pytest.raises(UpstreamConnectError) as caught:
            await client.send(request("http://nowhere.invalid/key=secret"))
        assert "nowhere" not in str(caught.value)


@pytest.mark.parametrize("url", ["nothing", "ftp://x/", "http://", "http:///path", "/v1", "http://a b/"])
async def test_an_address_that_is_none(url: str) -> None:
    async with lean() as client:
        with pytest.raises(UpstreamError) as caught:
            await client.send(request(url))
        assert url not in str(caught.value)


@pytest.mark.parametrize(
    ("method", "header"),
    [
        ("POST", (b"X-A", b"a\r\nX-B: b")),
        ("POST", (b"X-A", b"a\nb")),
        ("POST", (b"X-A", b"a\rb")),
        ("POST", (b"X-A\r\nX-B", b"b")),
        ("POST / HTTP/1.1\r\nX: y\r\n\r\nGET", (b"X-A", b"a")),
    ],
)
async def test_nothing_can_end_a_head_early(method: str, header: tuple[bytes, bytes]) -> None:
    async with running_provider(answering(http())) as provider, lean() as client:
        with pytest.raises(UpstreamProtocolError):
            await client.send(request(provider.url, method, headers=[header]))
        assert not provider.received


async def test_a_connection_is_used_again() -> None:
    async with running_provider(answering(http(b"x" * 300_000))) as provider, lean() as client:
        for _ in range(3):
            assert len((await fetch(client, request(provider.url)))[1]) == 300_000
        assert provider.connections == 1


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        http(b"ok") + b"garbage",
        http(b"ok") + http(b"an answer to nobody"),
        http(b"ok") + b"H",
    ],
)
async def test_a_connection_is_not_used_again(data: bytes) -> None:
    async with running_provider(answering(data)) as provider, lean() as client:
        for _ in range(2):
            assert await fetch(client, request(provider.url)) == (200, b"ok")
        assert provider.connections == 2


async def test_an_answer_given_up_takes_its_connection_with_it() -> None:
    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + chunk(b"hello"))
        while not writer.is_closing():
            writer.write(chunk(b"more"))
            await writer.drain()
            await asyncio.sleep(0.005)

    async with running_provider(handler) as provider, lean() as client:
        response = await client.send(request(provider.url))
        assert (await response.chunk()).startswith(b"hello")
        assert not response.ended
        response.close()
        response.close()
        await asyncio.wait_for(provider.disconnected.wait(), 5)


async def test_a_call_that_is_cancelled_takes_its_connection_with_it() -> None:
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        left.set()
        writer.close()

    async with listening(silent) as address, lean() as client:
        call = spawn(client.send(request(f"http://{address}/")), name="call")
        await asyncio.sleep(0.05)
        call.cancel()
        await asyncio.wait_for(left.wait(), 5)
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_an_upload_is_given_up_with_its_call() -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0.001)
        finally:
            ended.set()

    async with running_provider(never) as provider, lean() as client:
        call = spawn(client.send(request(provider.url, body=endless())), name="call")
        await eventually(lambda: provider.connections)
        call.cancel()
        await asyncio.wait_for(ended.wait(), 5)
        await asyncio.wait_for(provider.disconnected.wait(), 5)


async def test_a_body_that_breaks_off_is_never_taken_for_a_whole_one() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"hello"
        raise ConnectionResetError

    async with running_provider(answering(http())) as provider, lean() as client:
        with pytest.raises(UpstreamError):
            await asyncio.wait_for(client.send(request(provider.url, body=broken())), 5)
        await asyncio.wait_for(provider.disconnected.wait(), 5)
        assert not provider.received


async def test_a_provider_may_answer_before_it_has_read_the_body() -> None:
    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http(b"too large", "413 Payload Too Large"))
        await writer.drain()
        while await reader.read(1 << 16):
            pass
        writer.close()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 10_000
            await asyncio.sleep(0)

    async with listening(early) as address, lean() as client:
        url = f"http://{address}/"
        for _ in range(2):
            got = await asyncio.wait_for(fetch(client, request(url, body=endless())), 5)
            assert got == (413, b"too large")


async def test_an_answer_may_begin_while_the_body_is_sent() -> None:
    """Both ways at once: each part of the answer follows a part of the request."""
    go_on = asyncio.Event()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(CHUNKED + chunk(b"ready"))
        while size := int(await reader.readline(), 16):
            writer.write(chunk(await reader.readexactly(size)))
            await reader.readline()
        await reader.readline()
        writer.write(chunk(b""))
        writer.close()

    async def body() -> AsyncIterator[bytes]:
        yield b"zero"
        await go_on.wait()
        yield b"one"
        yield b"two"

    async with asyncio.timeout(10), listening(echo) as address, lean() as client:
        url = f"http://{address}/"
        response = await client.send(request(url, body=body()))
        got = b""
        while got != b"readyzero":
            got += await response.chunk()
        go_on.set()
        assert await read(response) == b"onetwo"
        response.close()


async def test_a_reader_that_lags_slows_the_provider() -> None:
    sent = 0
    block = b"x" * 65_536

    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (500 * len(block)))
        for _ in range(500):
            writer.write(block)
            await writer.drain()
            sent += len(block)

    async with running_provider(handler) as provider, lean() as client:
        for _ in range(2):
            sent = 0
            response = await client.send(request(provider.url))
            before = -1
            while sent != before:
                before = sent
                await asyncio.sleep(0.2)
            assert 0 < sent < 16_000_000
            assert len(await read(response)) == 500 * len(block)
            assert response.ended
            response.close()
        assert provider.connections == 1


async def test_a_provider_that_lags_slows_the_upload() -> None:
    sent = 0
    go_on = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(32_768_000)
        writer.write(http(b"ok"))
        writer.close()

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(500):
            yield b"x" * 65_536
            sent += 65_536

    async with listening(slow) as address, lean() as client:
        url = f"http://{address}/"
        call = spawn(fetch(client, request(url, body=body(), length=32_768_000)), name="call")
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.2)
        assert sent < 16_000_000
        go_on.set()
        assert await call == (200, b"ok")


async def test_many_calls_at_once() -> None:
    arrived = 0
    all_there = asyncio.Event()

    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal arrived
        arrived += 1
        if arrived == 150:
            all_there.set()
        await all_there.wait()
        writer.write(http(received.body))

    async with asyncio.timeout(30), running_provider(handler) as provider, lean() as client:
        calls = [fetch(client, request(provider.url, body=b"%d" % n)) for n in range(150)]
        assert await asyncio.gather(*calls) == [(200, b"%d" % n) for n in range(150)]


async def test_tls() -> None:
    trusted = authority()
    async with (
        running_provider(answering(http(b"x" * 500_000)), trusted.server("127.0.0.1")) as provider,
        lean(tls=trusted.client) as client,
    ):
        for _ in range(2):
            status, body = await fetch(client, request(provider.url, body=b"y" * 500_000))
            assert (status, len(body), len(provider.last.body)) == (200, 500_000, 500_000)
        assert provider.connections == 1


@pytest.mark.parametrize("names", [("other.test",), None])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_certificate_that_is_not_the_providers(names: tuple[str, ...] | None) -> None:
    trusted = authority()
    server = trusted.server(*names) if names else authority().server("127.0.0.1")
    async with running_provider(never, server) as provider, lean(tls=trusted.client) as client:
        with pytest.raises(UpstreamConnectError):
            await client.send(request(provider.url, headers=[(b"Authorization", b"secret")]))
        assert not provider.received


async def test_tls_is_asked_of_one_who_does_not_speak_it() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(http())
        writer.close()

    async with listening(plain) as address, lean() as client:
        with pytest.raises(UpstreamConnectError):
            await client.send(request(f"https://{address}/"))


async def test_when_the_client_closes_its_calls_fail() -> None:
    async with running_provider(never) as provider, lean() as client:
        call = spawn(fetch(client, request(provider.url)), name="call")
        await eventually(lambda: provider.received)
        await client.close()
        with pytest.raises(UpstreamError):
            await asyncio.wait_for(call, 5)
