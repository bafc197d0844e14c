"""Format of a segment file.

A segment is a sequence of records, each::

    u32  length of what follows the checksum, in bytes
    u32  CRC-32 of what follows
    u64  sequence number
    u8   topic code (`schemas.topics`)
    u16  length of the key
    ...  key, then payload

Integers are little-endian. The file's name is the first sequence number that it may hold, in 20 digits. A
record that is cut short, or whose checksum is wrong, at the end of the newest segment is a torn write: it
was never acknowledged.
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

HEAD = struct.Struct("<II")
META = struct.Struct("<QBH")
SUFFIX = ".seg"
MAX_RECORD_BYTES = 64 * 1024 * 1024
"""Above this a length is taken for corruption."""


class CorruptSegmentError(ValueError):
    """Bytes that are complete but not a record."""


@dataclass(frozen=True, slots=True)
class OutboxRecord:
    """One event in an outbox: its number, topic code, partition key and encoded payload."""

    seq: int
    topic: int
    key: bytes
    payload: bytes


def pack(seq: int, topic: int, key: bytes, payload: bytes) -> bytes:
    """Encode one record."""
    body = b"".join((META.pack(seq, topic, len(key)), key, payload))
    return HEAD.pack(len(body), zlib.crc32(body)) + body


def size_bytes(record: OutboxRecord) -> int:
    """What a record takes in its segment."""
    return HEAD.size + META.size + len(record.key) + len(record.payload)


def unpack(buffer: bytes, at: int) -> tuple[OutboxRecord, int] | None:
    """Decode the record at an offset; return it and the offset behind it, or None if it is cut short.

    Raises:
        CorruptSegmentError: the bytes there are no record.
    """
    if len(buffer) - at < HEAD.size:
        return None
    length, checksum = HEAD.unpack_from(buffer, at)
    if not META.size <= length <= MAX_RECORD_BYTES:
        raise CorruptSegmentError(f"record length {length} at offset {at}")
    start = at + HEAD.size
    end = start + length
    if len(buffer) < end:
        return None
    if zlib.crc32(memoryview(buffer)[start:end]) != checksum:
        raise CorruptSegmentError(f"checksum at offset {at}")
    seq, topic, key_length = META.unpack_from(buffer, start)
    key_at = start + META.size
    payload_at = key_at + key_length
    return OutboxRecord(seq, topic, buffer[key_at:payload_at], buffer[payload_at:end]), end


def name(first_seq: int) -> str:
    """File name of the segment that starts at a sequence number."""
    return f"{first_seq:020d}{SUFFIX}"


def segments(directory: Path) -> list[Path]:
    """All segments of an outbox, oldest first."""
    return sorted(directory.glob(f"*{SUFFIX}"))


def valid_prefix(path: Path) -> tuple[int, int | None]:
    """Length of the part of a segment that holds whole records, and the last sequence number in it."""
    data = path.read_bytes()
    at, last = 0, None
    while True:
        try:
            step = unpack(data, at)
        except CorruptSegmentError:
            return at, last
        if step is None:
            return at, last
        record, at = step
        last = record.seq
