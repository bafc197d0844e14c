"""Reading content codings within a bound."""

import gzip
import zlib

import pytest

from tallygate.edge.http.coding import Inflate, decoder, readable_only

TEXT = b'{"usage": {"prompt_tokens": 3}}' * 50


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "encoded"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("GZip", gzip.compress(TEXT, mtime=0)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        ("identity", TEXT),
        ("", TEXT),
    ],
)
def test_decodes_byte_by_byte(coding: str, encoded: bytes) -> None:
    reader = decoder(coding)
    assert b"".join(reader.feed(bytes([byte])) for byte in encoded) == TEXT


def test_an_unknown_coding_is_not_read() -> None:
    assert decoder("br").feed(b"anything") == b""


def test_broken_data_gives_nothing_more() -> None:
    reader = decoder("gzip")
    broken = gzip.compress(TEXT, mtime=0)[:10] + b"\xff" * 50
    assert len(reader.feed(broken)) < len(TEXT)
    assert reader.feed(gzip.compress(TEXT, mtime=0)) == b""


def test_a_bomb_stops_at_the_bound() -> None:
    bomb = gzip.compress(b"\0" * 10_000_000, mtime=0)
    reader = Inflate(max_bytes=1000)
    decoded = sum(len(reader.feed(bomb[at : at + 100])) for at in range(0, len(bomb), 100))
    assert decoded == 1000


@pytest.mark.parametrize(
    ("sent", "passed"),
    [
        ("gzip, deflate, br, zstd", "gzip, deflate"),
        ("br", "identity"),
        ("gzip;q=0.5, br;q=1", "gzip;q=0.5"),
        ("identity", "identity"),
        ("", "identity"),
        ("*", "identity"),
    ],
)
def test_only_readable_codings_are_asked_for(sent: str, passed: str) -> None:
    assert readable_only(sent) == passed
