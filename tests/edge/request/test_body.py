"""Bodies are read no further than needed."""

import asyncio
import gzip
import json
from typing import Any

import pytest

from tallygate.edge.capture import Capture
from tallygate.edge.errors import GatewayError
from tallygate.edge.request import body as bodies
from tallygate.edge.request.body import BodyReader, RequestBody
from tallygate.edge.request.rewrite import Edit

JSON = "application/json"


class Chunks:
    """A source that tells how many bytes were taken."""

    def __init__(self, data: bytes, size: int = 50_000) -> None:
        self._parts = [data[at : at + size] for at in range(0, len(data), size)]
        self.taken = 0

    async def read(self) -> bytes:
        await asyncio.sleep(0)
        part = self._parts.pop(0) if self._parts else b""
        self.taken += len(part)
        return part


async def read(
    data: bytes,
    content_type: str = JSON,
    coding: str = "",
    *,
    json_only: bool = True,
    max_bytes: int = 1 << 30,
    declared: bool = True,
) -> tuple[RequestBody, Chunks, Capture]:
    source, capture = Chunks(data), Capture(1000)
    reader = BodyReader(source, capture, length=len(data) if declared else None, max_bytes=max_bytes)
    return await reader.whole_or_head(content_type, coding, json_only=json_only), source, capture


async def all_of(body: RequestBody) -> bytes:
    return b"".join([part async for part in bodies.stream(body)])


def chat(size: int, **fields: Any) -> bytes:
    return json.dumps({"messages": ["x" * size], "model": "m", "stream": True} | fields).encode()


@pytest.mark.parametrize("declared", [True, False])
async def test_a_small_body_is_read_whole(declared: bool) -> None:
    data = chat(200_000, user="bob")
    body, _, capture = await read(data, declared=declared)
    assert (body.complete, body.head, body.length) == (True, data, len(data))
    assert (body.fields.model, body.fields.stream, body.fields.user) == ("m", True, "bob")
    assert capture.size_bytes == len(data)


@pytest.mark.parametrize("declared", [True, False])
async def test_a_large_one_is_held_until_its_model_is_known(declared: bool) -> None:
    data = json.dumps({"model": "m", "messages": ["x" * 3_000_000]}).encode()
    body, source, _ = await read(data, declared=declared)
    assert (body.fields.model, body.complete) == ("m", False)
    assert source.taken <= (200_000 if declared else 1_200_000)
    assert await all_of(body) == data


async def test_a_model_at_the_end_is_found() -> None:
    data = chat(3_000_000)
    body, _, capture = await read(data)
    assert (body.fields.model, body.fields.stream) == ("m", True)
    assert await all_of(body) == data
    assert capture.size_bytes == len(data)
    assert len(capture.body()["text"]) == 1000


async def test_edits_of_a_held_body() -> None:
    data = chat(3_000_000)
    body, _, _ = await read(data)
    body.edit([Edit(1, 1, b'"a":1,')])
    assert body.length == len(data) + 6
    sent = await all_of(body)
    assert len(sent) == body.length
    assert json.loads(sent)["a"] == 1


async def test_a_json_body_without_a_model_is_not_held_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "HOLD_BYTES", 2_000_000)
    with pytest.raises(GatewayError) as caught:
        await read(chat(9_000_000))
    assert (caught.value.status, caught.value.param) == (400, "model")


@pytest.mark.parametrize("declared", [True, False])
async def test_the_limit(declared: bool) -> None:
    data = b"x" * 3_000_000

    async def read_all() -> None:
        body, _, _ = await read(data, "audio/wav", json_only=False, max_bytes=2_000_000, declared=declared)
        await all_of(body)

    with pytest.raises(GatewayError) as caught:
        await read_all()
    assert (caught.value.status, caught.value.code) == (413, "body_too_large")


async def test_multipart_bodies_name_their_model() -> None:
    form = (
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + b"\0" * 3_000_000 + b"\r\n--b--\r\n"
    )
    body, source, _ = await read(form, "multipart/form-data; boundary=b", json_only=False)
    assert body.fields.model == "whisper-1"
    assert source.taken < 200_000
    assert await all_of(body) == form


async def test_a_compressed_body_is_understood_and_kept() -> None:
    data = chat(1000)
    packed = gzip.compress(data)
    body, _, capture = await read(packed, coding="gzip")
    assert (body.fields.model, body.head, body.decoded) == ("m", packed, data)
    captured = capture.body()
    assert captured["encoding"] == "utf-8"
    assert captured["size_bytes"] == len(packed)


@pytest.mark.parametrize("data", [b"not json", b"[]", b'"x"', b"{", b"\xff\xfe", b'{"a":}', b"[" * 100_000])
async def test_what_is_no_object_is_refused_where_one_is_needed(data: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        await read(data)
    assert (caught.value.status, caught.value.code) == (400, "invalid_request")
    body, _, _ = await read(data, json_only=False)
    assert body.head == data


@pytest.mark.parametrize("field", [{"model": 5}, {"model": ["m"]}, {"stream": "yes"}, {"stream": 1}])
async def test_wrong_types_are_refused_with_their_name(field: dict[str, Any]) -> None:
    with pytest.raises(GatewayError) as caught:
        await read(json.dumps({"model": "m"} | field).encode())
    assert caught.value.param == next(iter(field))


@pytest.mark.parametrize(
    "data", [b'{"model":"m","x":NaN}', b'{"model":"m","x":"\\ud800"}', b'{"model":"m","n":1e999}']
)
async def test_what_only_some_parsers_refuse_is_the_providers_to_judge(data: bytes) -> None:
    body, _, _ = await read(data)
    assert (body.fields.model, body.head) == ("m", data)
