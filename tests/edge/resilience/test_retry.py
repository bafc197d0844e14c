import random
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.errors import GatewayError
from tallygate.edge.resilience.retry import RetryPolicy, backoff_ms, is_retried
from tallygate.edge.resilience.retry_after import LONGEST_MS, retry_after_ms
from tests.support.gateway_headers import gateway_headers

NOW_MS = 1_700_000_000_000


def test_without_headers_nothing_is_retried() -> None:
    assert RetryPolicy.from_headers({}) == RetryPolicy(retries=0)


def test_enabled_alone_has_the_documented_defaults() -> None:
    policy = RetryPolicy.from_headers(gateway_headers(retry_enabled="true"))
    assert policy == RetryPolicy(3, 2.0, 1_000, 10_000)


def test_all_headers() -> None:
    headers = gateway_headers(
        retry_enabled="1", retry_num="5", retry_factor="1.5", retry_min_timeout="20", retry_max_timeout="80"
    )
    assert RetryPolicy.from_headers(headers) == RetryPolicy(5, 1.5, 20, 80)


def test_one_timeout_alone_never_contradicts_the_others_default() -> None:
    assert RetryPolicy.from_headers(gateway_headers(retry_max_timeout="100")).min_timeout_ms == 100
    assert RetryPolicy.from_headers(gateway_headers(retry_min_timeout="30000")).max_timeout_ms == 30_000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("retry_enabled", "yes"), ("retry_num", "21"), ("retry_num", "-1"), ("retry_factor", "0.5"),
        ("retry_factor", "nan"), ("retry_min_timeout", "600001"), ("retry_max_timeout", "soon"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_even_where_retries_are_off(name: str, value: str) -> None:
    with pytest.raises(GatewayError) as caught:
        RetryPolicy.from_headers(gateway_headers(**{name: value}))
    assert caught.value.param == "Tallygate-" + name.replace("_", "-")


def test_a_shortest_wait_above_the_longest_is_refused() -> None:
    with pytest.raises(GatewayError, match="above"):
        RetryPolicy.from_headers(gateway_headers(retry_min_timeout="200", retry_max_timeout="100"))


def test_what_is_retried() -> None:
    assert [s for s in range(600) if is_retried(s, "")] == [408, 409, 429, 500, 502, 503, 504, 522, 529]
    assert [e for e in ("connect", "closed", "protocol", "timeout", "unhealthy") if is_retried(0, e)] == [
        "connect", "closed", "protocol",
    ]  # fmt: skip


@given(st.integers(0, 20), st.floats(1, 10), st.integers(0, 10_000), st.integers(0, 600_000), st.randoms())
def test_back_off_has_full_jitter_under_its_ceiling(
    retry: int, factor: float, low: int, high: int, rng: random.Random
) -> None:
    policy = RetryPolicy(20, factor, low, high)
    ceiling = min(low * factor**retry, high)
    assert backoff_ms(policy, retry, lambda: 0.0) == 0
    assert backoff_ms(policy, retry, lambda: 0.5) == int(ceiling * 0.5)
    assert 0 <= backoff_ms(policy, retry, rng.random) <= ceiling


def test_back_off_grows_and_is_capped() -> None:
    policy = RetryPolicy(9, 2.0, 1_000, 10_000)
    assert [backoff_ms(policy, k, lambda: 0.999999) for k in range(6)] == [999, 1999, 3999, 7999, 9999, 9999]


@pytest.mark.parametrize(
    ("headers", "wait_ms"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3_000),
        ({"retry-after": "0.25"}, 250),
        ({"retry-after-ms": "1500"}, 1_500),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1_500),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9_000),
        ({"retry-after": "99999999"}, LONGEST_MS),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Tue, 99 Nov 2023 99:13:20 GMT"}, None),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:30 GMT"}, 10_000),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:10 GMT"}, 0),
    ],
)
def test_retry_after(headers: dict[str, str], wait_ms: int | None) -> None:
    assert retry_after_ms(headers, NOW_MS) == wait_ms


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_retry_after_raises(value: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        wait = retry_after_ms({name: value}, NOW_MS)
        assert wait is None or 0 <= wait <= LONGEST_MS


@given(st.integers(0, 86_400))
def test_http_dates(seconds: int) -> None:
    at = datetime.fromtimestamp(NOW_MS // 1000 + seconds, UTC)
    assert retry_after_ms({"retry-after": format_datetime(at, usegmt=True)}, NOW_MS) == seconds * 1_000
