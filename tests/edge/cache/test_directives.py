import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.cache.directives import DEFAULT_TTL_S, MAX_TTL_S, Directives, parse
from tallygate.edge.errors import GatewayError
from tests.support.gateway_headers import gateway_headers


def asked(cache_control: str | None = None, **headers: str) -> Directives:
    return parse(gateway_headers(**headers), cache_control)


def test_not_asked_for_is_off_whatever_else_is_sent() -> None:
    assert not asked().active
    assert not asked("max-age=nonsense", cache_seed="s", cache_bucket_max_size="3").active


def test_asked_for() -> None:
    both = asked(cache_enabled="true")
    assert (both.read, both.save, both.ttl_s, both.max_age_s, both.bucket) == (
        True,
        True,
        DEFAULT_TTL_S,
        None,
        1,
    )
    assert (asked(cache_read="1").read, asked(cache_read="1").save) == (True, False)
    assert (asked(cache_save="1").read, asked(cache_save="1").save) == (False, True)
    assert not asked(cache_enabled="true", cache_save="false").save


@pytest.mark.parametrize(
    ("value", "read", "save", "ttl_s"),
    [
        ("max-age=60", True, True, 60),
        ("max-age=60, s-maxage=5", True, True, 5),
        ('public, Max-Age="60"', True, True, 60),
        ("no-store", False, False, DEFAULT_TTL_S),
        ("no-cache", False, True, DEFAULT_TTL_S),
        ("no-cache, max-age=9", False, True, 9),
        ("max-age=0", False, False, 0),
        (f"max-age={MAX_TTL_S}", True, True, MAX_TTL_S),
        ("stale-if-error=abc,,=,;", True, True, DEFAULT_TTL_S),
        ("", True, True, DEFAULT_TTL_S),
    ],
)
def test_cache_control(value: str, read: bool, save: bool, ttl_s: int) -> None:
    found = asked(value, cache_enabled="true")
    assert (found.read, found.save, found.ttl_s) == (read, save, ttl_s)


@pytest.mark.parametrize(
    "value", ["max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=x", f"s-maxage={MAX_TTL_S + 1}"]
)
def test_bad_ages(value: str) -> None:
    with pytest.raises(GatewayError) as caught:
        asked(value, cache_enabled="true")
    assert (caught.value.code, caught.value.param) == ("invalid_header", "Cache-Control")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cache_enabled", "maybe"), ("cache_read", ""), ("cache_save", "2"), ("cache_bucket_max_size", "0"),
        ("cache_bucket_max_size", "21"), ("cache_seed", "s" * 257), ("cache_ignore_keys", ""),
        ("cache_ignore_keys", "a,,b"), ("cache_ignore_keys", '["a"]'),
        ("cache_ignore_keys", ",".join(f"f{n}" for n in range(65))),
    ],
)  # fmt: skip
def test_bad_headers_are_named_even_where_the_cache_is_off(name: str, value: str) -> None:
    with pytest.raises(GatewayError) as caught:
        asked(**{name: value})
    assert caught.value.param == "Tallygate-" + name.replace("_", "-")


def test_ignored_fields() -> None:
    assert asked(cache_ignore_keys=" a , b-c,d.e ").ignore_keys == {"a", "b-c", "d.e"}


@given(st.text('max-age=s0123456789,nostorech "', max_size=40))
def test_any_cache_control_is_understood_or_refused(value: str) -> None:
    refused = None
    try:
        found = asked(value, cache_enabled="1")
        assert 0 <= found.ttl_s <= MAX_TTL_S
    except GatewayError as error:
        refused = error
    assert refused is None or refused.status == 400
