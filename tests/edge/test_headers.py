"""Which headers go where."""

import pytest

from tallygate.edge.headers import is_placeholder, rate_limit, sort_answer, sort_inbound

INBOUND = [
    (b"Host", b"127.0.0.1:8080"),
    (b"Authorization", b"Bearer sk-real-key"),
    (b"X-Custom", b"kept"),
    (b"x-custom", b"twice"),
    (b"Content-Type", b"Application/JSON"),
    (b"Content-Length", b"12"),
    (b"Accept-Encoding", b"gzip, br"),
    (b"Connection", b"keep-alive, X-Once"),
    (b"X-Once", b"hop"),
    (b"TE", b"trailers"),
    (b"Transfer-Encoding", b"chunked"),
    (b"Expect", b"100-continue"),
    (b"Helicone-Auth", b"Bearer tg-secret"),
    (b"Tallygate-Anything", b"x"),
]


def test_inbound() -> None:
    inbound = sort_inbound(INBOUND)
    assert inbound.forward == [
        (b"X-Custom", b"kept"),
        (b"x-custom", b"twice"),
        (b"Content-Type", b"Application/JSON"),
    ]
    assert inbound.credentials == [(b"Authorization", b"Bearer sk-real-key")]
    assert inbound.accept_encoding == "gzip, br"
    assert inbound.content_type == "application/json"
    assert inbound.expects_continue
    assert "sk-real-key" not in repr(inbound)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "bearer none",
        "Bearer dummy",
        "x",
        "Bearer sk-none",
        "Bearer tg-abc",
        "EMPTY",
    ],
)
def test_placeholders_are_no_keys(value: str) -> None:
    assert is_placeholder(value)
    assert sort_inbound([(b"Authorization", value.encode())]).credentials == []
    assert sort_inbound([(b"x-api-key", value.encode())]).credentials == []


@pytest.mark.parametrize("value", ["Bearer sk-1", "sk-ant-1", "Basic abc", "Bearer x1"])
def test_anything_else_is_a_key(value: str) -> None:
    assert not is_placeholder(value)


def test_answers() -> None:
    headers = [
        (b"Content-Type", b"text/plain"),
        (b"Content-Length", b"5"),
        (b"Connection", b"close, x-gone"),
        (b"X-Gone", b"1"),
        (b"Set-Cookie", b"a=1"),
        (b"Set-Cookie", b"b=2"),
        (b"Tallygate-Id", b"of another gateway"),
        (b"X-Request-Id", b"r"),
        (b"Transfer-Encoding", b"chunked"),
    ]
    assert sort_answer(headers) == [
        (b"Content-Type", b"text/plain"),
        (b"Set-Cookie", b"a=1"),
        (b"Set-Cookie", b"b=2"),
        (b"X-Request-Id", b"r"),
    ]


def test_rate_limits_are_kept_in_lower_case_and_bounded() -> None:
    found = rate_limit(
        [
            (b"X-RateLimit-Remaining-Requests", b"59"),
            (b"anthropic-ratelimit-tokens-reset", b"2026-01-01T00:00:00Z"),
            (b"Retry-After", b"20"),
            (b"retry-after-ms", b"20000"),
            (b"X-Other", b"1"),
        ]
    )
    assert found == {
        "x-ratelimit-remaining-requests": "59",
        "anthropic-ratelimit-tokens-reset": "2026-01-01T00:00:00Z",
        "retry-after": "20",
        "retry-after-ms": "20000",
    }
    many = rate_limit([(b"x-ratelimit-%d" % n, b"v" * 10_000) for n in range(1000)])
    assert len(many) == 32
    assert max(map(len, many.values())) == 256
