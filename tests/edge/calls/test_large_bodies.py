"""Large bodies stream through, and are never held twice."""

import asyncio
import gc
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.support.edge import running_edge
from tests.support.provider import Received, answering, chunk, http
from tests.support.wait import eventually

MIB = 1 << 20
SIZE = 20 * MIB


class Peak:
    """Highest resident memory over that at the beginning."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._start = self._process.memory_info().rss
        self._done = threading.Event()
        self.bytes = 0

    def watch(self) -> None:
        """Look again and again until `stop`."""
        while not self._done.wait(0.001):
            self.bytes = max(self.bytes, self._process.memory_info().rss - self._start)

    def stop(self) -> None:
        """No more."""
        self._done.set()


@contextmanager
def peak_memory() -> Iterator[Peak]:
    gc.collect()
    peak = Peak()
    thread = threading.Thread(target=peak.watch)
    thread.start()
    try:
        yield peak
    finally:
        peak.stop()
        thread.join()


async def upload(prefix: bytes, suffix: bytes = b"") -> AsyncIterator[bytes]:
    """A body of `SIZE` bytes that its sender does not hold either."""
    yield prefix
    block = b"A" * 65536
    left = SIZE - len(prefix) - len(suffix)
    while left:
        part = block[:left]
        left -= len(part)
        yield part
    yield suffix


@pytest.mark.parametrize(
    ("path", "content_type", "prefix", "suffix", "held"),
    [
        ("/v1/files", "multipart/form-data; boundary=b", b"--b\r\n\r\n", b"\r\n--b--\r\n", 0),
        ("/v1/chat/completions", "application/json", b'{"model":"gpt-4o","x":"', b'"}', 0),
        ("/v1/chat/completions", "application/json", b'{"messages":["', b'"],"model":"gpt-4o"}', 1),
        ("/openai/v1/audio", "audio/wav", b"RIFF", b"", 0),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_an_upload_of_20_mb(
    path: str, content_type: str, prefix: bytes, suffix: bytes, held: int, chunked: bool, tmp_path: Path
) -> None:
    headers = {"Content-Type": content_type}
    if not chunked:
        headers["Content-Length"] = str(SIZE)
    async with running_edge(tmp_path, answering(http())) as edge:
        edge.provider.keep_body = False
        await edge.post("/v1/embeddings", {"model": "gpt-4o"})  # what is loaded once is not measured
        with peak_memory() as peak:
            async with edge.client.post(
                edge.url + path, data=upload(prefix, suffix), headers=headers
            ) as response:
                assert response.status == 200
        sent = edge.provider.last
        event = edge.responses()[-1]
    assert peak.bytes < (held * SIZE) + 14 * MIB
    assert sent.header("content-length" if not chunked else "transfer-encoding") == (
        "chunked" if chunked else str(SIZE)
    )
    assert event.request_body is not None
    assert (event.request_body.size_bytes, event.request_body.truncated) == (SIZE, True)


@pytest.mark.parametrize("position", ["first", "last"])
async def test_a_large_body_arrives_as_it_was_but_for_the_model(position: str, tmp_path: Path) -> None:
    fields = {"model": "openai/gpt-4o", "messages": ["é" * 2_000_000], "stream": False}
    if position == "last":
        fields = dict(reversed(fields.items()))
    data = json.dumps(fields).encode()
    async with running_edge(tmp_path, answering(http())) as edge:
        status, _ = await edge.post("/v1/chat/completions", data)
        assert status == 200
        assert edge.provider.last.body == data.replace(b'"openai/gpt-4o"', b'"gpt-4o"', 1).replace(
            b': "gpt-4o"', b':"gpt-4o"', 1
        )


async def test_a_large_download(tmp_path: Path) -> None:
    async def handler(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: %d\r\n\r\n" % SIZE)
        for _ in range(SIZE // 65536):
            writer.write(b"x" * 65536)
            await writer.drain()

    async with running_edge(tmp_path, handler) as edge:
        with peak_memory() as peak:
            async with edge.client.get(edge.url + "/v1/files/f/content") as response:
                assert response.content_length == SIZE
                size = sum([len(data) async for data in response.content.iter_any()])
        assert size == SIZE
        event = edge.responses()[0]
    assert peak.bytes < 16 * MIB
    assert event.response_body is not None
    assert (event.response_body.size_bytes, event.response_body.truncated) == (SIZE, True)


@pytest.mark.parametrize("chunked", [False, True])
async def test_over_the_limit(chunked: bool, tmp_path: Path) -> None:
    headers = {} if chunked else {"Content-Length": str(SIZE)}
    async with running_edge(tmp_path, answering(http()), max_body_bytes=4 * MIB) as edge:
        status, body = 0, b""
        try:
            async with edge.client.post(
                edge.url + "/v1/files", data=upload(b"x"), headers=headers
            ) as response:
                status, body = response.status, await response.read()
        except aiohttp.ClientOSError:
            assert chunked  # the caller may still be sending when the connection is closed
        assert status in ({413} if not chunked else {413, 0})
        assert not body or json.loads(body)["error"]["code"] == "body_too_large"
        event = edge.responses()[0]
    assert (event.status, event.outcome, event.error_code) == (413, "rejected", "body_too_large")


async def test_expect_continue(tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http())) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.server.port)
        head = b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
        writer.write(head + b"Connection: close\r\n\r\n")
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"{}")
        assert (await asyncio.wait_for(reader.read(-1), 5)).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.close()
        assert edge.provider.last.header("expect") is None


async def test_who_expects_to_be_refused_need_not_send(tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http()), max_body_bytes=1024) as edge:
        head = b"POST /v1/files HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9999\r\n"
        reply = await edge.raw(head + b"Connection: close\r\n\r\n")
        assert reply.startswith(b"HTTP/1.1 413 ")


async def test_a_caller_that_stops_in_the_middle(tmp_path: Path) -> None:
    async with running_edge(tmp_path, answering(http())) as edge:
        _, writer = await asyncio.open_connection("127.0.0.1", edge.server.port)
        writer.write(b"POST /v1/files HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(chunk(b"x" * 2 * MIB))
        await writer.drain()
        writer.close()
        responses = await eventually(edge.responses)
    assert (responses[0].outcome, responses[0].status) == ("client_cancelled", 499)
