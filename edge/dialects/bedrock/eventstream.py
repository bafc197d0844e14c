"""`application/vnd.amazon.eventstream`: AWS's binary framing of streamed answers.

A message is::

    u32  length of all of it, in bytes
    u32  length of the headers
    u32  CRC-32 of the eight bytes before
    ...  headers: u8 length of the name, name, u8 type, value
    ...  payload
    u32  CRC-32 of everything before

Integers are big-endian. Source: Smithy's "Amazon Event Stream Specification"
(https://smithy.io/2.0/aws/amazon-eventstream.html).
"""

import struct
import zlib
from dataclasses import dataclass

_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
MAX_MESSAGE_BYTES = 24 * 1024 * 1024
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Size of a header's value by type: true, false, byte, short, int, long, timestamp, UUID."""
_BYTES, _STRING = 6, 7


class EventStreamError(ValueError):
    """The bytes are no event stream."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message; only headers that are strings are kept, as all that matter are."""

    headers: dict[str, str]
    payload: bytes


class EventStreamSplitter:
    """Cuts a stream into messages, from bytes cut anywhere."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Messages that these bytes complete.

        Raises:
            EventStreamError: a checksum or a length is wrong.
        """
        self._buffer += data
        messages: list[Message] = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self) -> Message | None:
        if len(self._buffer) < _PRELUDE.size:
            return None
        total, headers_length, checksum = _PRELUDE.unpack_from(self._buffer)
        if zlib.crc32(self._buffer[:8]) != checksum:
            raise EventStreamError("checksum of a prelude")
        if not _PRELUDE.size + headers_length + _CRC.size <= total <= MAX_MESSAGE_BYTES:
            raise EventStreamError(f"length {total} of a message")
        if len(self._buffer) < total:
            return None
        whole = bytes(self._buffer[:total])
        del self._buffer[:total]
        return _unpack(whole, headers_length)


def _unpack(whole: bytes, headers_length: int) -> Message:
    end = len(whole) - _CRC.size
    if zlib.crc32(whole[:end]) != _CRC.unpack_from(whole, end)[0]:
        raise EventStreamError("checksum of a message")
    start = _PRELUDE.size
    headers = _headers(whole[start : start + headers_length])
    return Message(headers, whole[start + headers_length : end])


def _headers(data: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            name_end = at + 1 + data[at]
            name = data[at + 1 : name_end].decode()
            kind = data[name_end]
            start, size = _value(data, name_end + 1, kind)
            if kind == _STRING:
                headers[name] = data[start : start + size].decode()
            at = start + size
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise EventStreamError("headers of a message") from error
    if at != len(data):
        raise EventStreamError("headers of a message")
    return headers


def _value(data: bytes, at: int, kind: int) -> tuple[int, int]:
    """Where a header's value starts, and its size."""
    if kind in (_BYTES, _STRING):
        (size,) = struct.unpack_from(">H", data, at)
        return at + 2, size
    if kind not in _FIXED:
        raise EventStreamError(f"type {kind} of a header")
    return at, _FIXED[kind]


def pack(headers: dict[str, str], payload: bytes) -> bytes:
    """Encode one message."""
    packed = b"".join(
        bytes([len(name.encode())])
        + name.encode()
        + bytes([_STRING])
        + struct.pack(">H", len(value.encode()))
        + value.encode()
        for name, value in headers.items()
    )
    total = _PRELUDE.size + len(packed) + len(payload) + _CRC.size
    lengths = struct.pack(">II", total, len(packed))
    message = lengths + _CRC.pack(zlib.crc32(lengths)) + packed + payload
    return message + _CRC.pack(zlib.crc32(message))
