"""`GET /api/v1/requests`, `/requests/{id}` and `/usage` as their callers see them."""

import uuid
from typing import Any

import pytest
import uuid_utils

from tallygate.analytics.requests.one import uuid7_time_us
from tallygate.schemas.call import Attempt, Origin
from tallygate.stream_processors.sink.store import ClickHouseStore
from tallygate.stream_processors.store import Placed
from tests.support.api import Api, running_api, stored
from tests.support.factories import NOV_2026_US, call

PATH = "/api/v1/requests"
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
MIDNIGHT_US = NOV_2026_US // DAY_US * DAY_US


async def ids(api: Api, *pairs: tuple[str, str]) -> list[str]:
    """User ids of what is listed: tests name their calls so."""
    return [found["user_id"] for found in (await api.get(PATH, *pairs))["requests"]]


async def refused(api: Api, path: str, *pairs: tuple[str, str]) -> str:
    """The parameter that a refusal names."""
    error = (await api.get(path, *pairs, status=400))["error"]
    assert error["code"] == "invalid_parameter"
    assert error["param"] in error["message"]
    return str(error["param"])


async def test_lists_the_latest_first_without_bodies() -> None:
    first = call(received_at_us=NOV_2026_US, cost_nanos=4_800)
    second = call(received_at_us=NOV_2026_US + 1, priced=False, cost_nanos=None, ttft_us=None)
    async with running_api(stored([first, second])) as api:
        answer = await api.get(PATH)
    assert [found["request_id"] for found in answer["requests"]] == [second.request_id, first.request_id]
    assert answer["next_cursor"] is None
    newest, oldest = answer["requests"]
    assert "prompt" not in newest
    assert (newest["cost_nanos"], newest["cost_usd"], newest["ttft_ms"]) == (None, None, None)
    assert (oldest["cost_nanos"], oldest["cost_usd"]) == (4_800, "0.000004800")
    assert oldest["received_at"] == "2026-11-06T21:20:00Z"
    assert newest["received_at"] == "2026-11-06T21:20:00.000001Z"
    assert (oldest["properties"], oldest["attempts"], oldest["latency_ms"]) == (first.properties, 1, 812.345)


async def test_an_empty_store_lists_nothing() -> None:
    async with running_api() as api:
        assert await api.get(PATH) == {"requests": [], "next_cursor": None}


FILTERS: list[tuple[list[tuple[str, str]], set[str]]] = [
    ([("model", "gpt-4o")], {"a"}),
    ([("model", "gpt-4o"), ("model", "claude")], {"a", "b"}),
    ([("provider", "anthropic")], {"b"}),
    ([("status", "200")], {"a", "d"}),
    ([("status", "4xx")], {"b"}),
    ([("status", "4XX"), ("status", "500")], {"b", "c"}),
    ([("outcome", "provider_error")], {"b", "c"}),
    ([("user", "a")], {"a"}),
    ([("user", "' OR 1 = 1 --")], set()),
    ([("session", "s1")], {"c", "d"}),
    ([("key", "k1")], {"d"}),
    ([("endpoint", "embeddings")], {"d"}),
    ([("property.Feature", "x")], {"a", "b"}),
    ([("property.fEATURE", "x")], {"a", "b"}),
    ([("property.Feature", "X")], set()),
    ([("property.Feature", "x"), ("property.feature", "y")], {"a", "b"}),
    ([("property.Größe", "groß")], {"c"}),
    ([("property.GRÖßE", "groß")], {"c"}),
    ([("property.Feature", "x"), ("property.Env", "dev")], {"b"}),
    ([("property.Other", "x")], {"d"}),
    ([("from", "2026-11-06T21:20:01Z")], {"b", "c", "d"}),
    ([("from", "2026-11-06T23:20:01+02:00")], {"b", "c", "d"}),
    ([("from", "2026-11-06 21:20:01")], {"b", "c", "d"}),
    ([("from", str(NOV_2026_US // 1_000_000 + 1))], {"b", "c", "d"}),
    ([("from", f"{NOV_2026_US // 1_000_000}.5")], {"b", "c", "d"}),
    ([("from", str(NOV_2026_US // 1000 + 1000))], {"b", "c", "d"}),
    ([("from", str(NOV_2026_US + 1_000_000))], {"b", "c", "d"}),
    ([("to", "2026-11-06T21:20:01Z")], {"a"}),
    ([("from", "2026-11-06T21:20:01Z"), ("to", "2026-11-06T21:20:03Z")], {"b", "c"}),
    ([("from", "2026-11-06"), ("to", "2026-11-07")], {"a", "b", "c", "d"}),
    ([("model", "gpt-4o"), ("provider", "anthropic")], set()),
]


def four_calls() -> list[Any]:
    """Calls a second apart."""
    variants: list[dict[str, Any]] = [
        {"model": "gpt-4o", "properties": {"Feature": "x", "Env": "prod"}},
        {
            "model": "claude",
            "provider": "anthropic",
            "status": 429,
            "outcome": "provider_error",
            "properties": {"feature": "x", "Env": "dev"},
        },
        {
            "status": 500,
            "outcome": "provider_error",
            "session_id": "s1",
            "properties": {"größe": "groß"},
        },
        {
            "session_id": "s1",
            "key_id": "k1",
            "endpoint": "embeddings",
            "properties": {"Other": "x", "Feature": "z"},
        },
    ]
    return [
        call(user_id=name, received_at_us=NOV_2026_US + index * 1_000_000, **variant)
        for index, (name, variant) in enumerate(zip("abcd", variants, strict=True))
    ]


async def test_filters() -> None:
    async with running_api(stored([*four_calls(), call(project="other", model="gpt-4o")])) as api:
        for pairs, expected in FILTERS:
            found = await ids(api, *pairs)
            assert set(found) == expected, pairs
            assert found == sorted(found, reverse=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "501"),
        ("limit", "-1"),
        ("limit", "x"),
        ("limit", "1e2"),
        ("limit", "٣"),
        ("limit", "9" * 5000),
        ("from", "yesterday"),
        ("from", ""),
        ("from", "-5"),
        ("from", "99999999999999999999"),
        ("from", "2026-13-01"),
        ("from", "3026-01-01"),
        ("from", "1.2.3"),
        ("to", "nan"),
        ("status", "6"),
        ("status", "xxx"),
        ("status", "٤xx"),
        ("status", "4x"),
        ("status", "+20"),
        ("outcome", "good"),
        ("cursor", "x"),
        ("cursor", ""),
        ("cursor", "W10"),
        ("cursor", "WzEsMiwzLDRd"),
        ("cursor", "WzEuNSwiYSIsImIiLDFd"),
        ("cursor", "A" * 5000),
        ("cursor", "ä"),
        ("property.", "x"),
        ("property." + "n" * 65, "x"),
        ("model", "m" * 1025),
        ("modle", "x"),
        ("Model", "x"),
    ],
)
async def test_a_bad_parameter_is_named(name: str, value: str) -> None:
    async with running_api() as api:
        assert await refused(api, PATH, (name, value)) == name


async def test_contradicting_and_repeated_times_are_refused() -> None:
    async with running_api() as api:
        assert await refused(api, PATH, ("from", "2026-11-07"), ("to", "2026-11-06")) == "from"
        assert await refused(api, PATH, ("to", "2026-11-07"), ("to", "2026-11-06")) == "to"
        assert await refused(api, PATH, *[("user", str(n)) for n in range(65)]) == "filters"


async def test_pages_have_no_gap_and_no_repeat_while_calls_arrive() -> None:
    # Several calls of one microsecond, and of one id, so that every part of the order matters.
    before = [
        call(
            received_at_us=NOV_2026_US + n // 3,
            request_id=str(uuid.UUID(int=n % 2)),
            origin=Origin(edge_id=f"e{n % 2}", seq=n + 1),
            user_id=f"{n}",
        )
        for n in range(23)
    ]
    target = stored(before)
    seen: list[str] = []
    async with running_api(target) as api:
        cursor: str | None = None
        for page in range(100):
            pairs = [("limit", "4")] + ([("cursor", cursor)] if cursor else [])
            answer = await api.get(PATH, *pairs)
            seen += [found["user_id"] for found in answer["requests"]]
            cursor = answer["next_cursor"]
            if cursor is None:
                break
            late = call(
                received_at_us=NOV_2026_US + 1_000_000 + page, origin=Origin(edge_id="e2", seq=page + 1)
            )
            store = ClickHouseStore(target)
            store.insert_calls(0, [Placed(page, late)])
            store.close()
    assert sorted(map(int, seen)) == list(range(23))
    assert len(seen) == 23


async def test_a_page_that_is_exactly_full_is_the_last() -> None:
    async with running_api(stored([call(), call()])) as api:
        assert (await api.get(PATH, ("limit", "2")))["next_cursor"] is None


async def test_one_call_with_everything() -> None:
    attempts = (
        Attempt(provider="openai", status=503, error="status", started_at_us=NOV_2026_US, latency_us=1500),
        Attempt(
            provider="groq", model="m", status=200, started_at_us=NOV_2026_US + 5, latency_us=2, delay_us=3000
        ),
    )
    request_id = str(uuid_utils.uuid7())
    one = call(
        request_id=request_id, attempts=attempts, prompt="<b>ä</b>", response="\0\n", rate_limit={"a": "b"}
    )
    async with running_api(stored([one, call(project="other")])) as api:
        found = await api.get(f"{PATH}/{request_id}")
    assert (found["prompt"], found["response"], found["rate_limit"]) == ("<b>ä</b>", "\0\n", {"a": "b"})
    assert [tried["provider"] for tried in found["attempts"]] == ["openai", "groq"]
    assert found["attempts"][0] == {
        "provider": "openai",
        "model": "",
        "status": 503,
        "error": "status",
        "started_at": "2026-11-06T21:20:00Z",
        "latency_ms": 1.5,
        "delay_ms": 0.0,
    }
    assert (found["cost_nanos"], found["input_cost_nanos"], found["output_cost_nanos"]) == (
        4_800,
        1_800,
        3_000,
    )


async def test_the_latest_call_of_an_id_is_found_wherever_it_is() -> None:
    """A UUIDv7 tells when it was made, which may not be when the call arrived."""
    far = "01740000-0000-7000-8000-000000000000"  # of 2020
    plain = str(uuid.uuid4())
    odd = "x/y?z%20ä"
    calls = [call(request_id=far, user_id="far"), call(request_id=odd, user_id="odd")]
    calls += [
        call(request_id=plain, user_id=name, received_at_us=NOV_2026_US + n) for n, name in enumerate("ab")
    ]
    async with running_api(stored(calls)) as api:
        assert (await api.get(f"{PATH}/{far}"))["user_id"] == "far"
        assert (await api.get(f"{PATH}/{plain}"))["user_id"] == "b"
        assert (await api.get(f"{PATH}/x%2Fy%3Fz%2520%C3%A4"))["user_id"] == "odd"


async def test_an_unknown_id_is_404() -> None:
    async with running_api(stored([call(project="other", request_id="theirs")])) as api:
        for request_id in ("theirs", str(uuid_utils.uuid7()), "x" * 500, "' OR 1"):
            answer = await api.get(f"{PATH}/{request_id}", status=404)
            assert answer["error"]["code"] == "not_found"


def test_the_time_of_a_uuid7() -> None:
    # RFC 9562, A.6: 017F22E2-79B0-7CC3-98C4-DC0C0C07398F is of 2022-02-22 19:22:22 UTC.
    assert uuid7_time_us("017f22e2-79b0-7cc3-98c4-dc0c0c07398f") == 1_645_557_742_000_000
    assert uuid7_time_us("017f22e2-79b0-4cc3-98c4-dc0c0c07398f") is None
    assert uuid7_time_us("ffffffff-ffff-7cc3-98c4-dc0c0c07398f") is None
    assert uuid7_time_us("no uuid") is None


async def test_usage_sums_by_dimension() -> None:
    failed: dict[str, Any] = {"priced": False, "cost_nanos": None, "outcome": "timeout"}
    calls = [
        call(model="a", user_id="u1", cost_nanos=5, received_at_us=MIDNIGHT_US, latency_us=1000),
        call(model="a", user_id="u2", cost_nanos=7, received_at_us=MIDNIGHT_US + HOUR_US, latency_us=3000),
        call(model="b", user_id="u1", received_at_us=MIDNIGHT_US, **failed),
        call(model="a", project="other", cost_nanos=1000),
    ]
    async with running_api(stored(calls)) as api:
        by_model = await api.get("/api/v1/usage", ("by", "model"))
        by_hour = await api.get("/api/v1/usage", ("by", "hour"), ("by", "model"))
        by_user = await api.get("/api/v1/usage", ("by", "user"), ("from", str(MIDNIGHT_US)))
        by_property = await api.get("/api/v1/usage", ("by", "property.fEATURE"), ("model", "a"))
        alone = await api.get("/api/v1/usage")
        none = await api.get("/api/v1/usage", ("user", "nobody"))
    total = by_model["total"]
    assert (total["requests"], total["errors"], total["unpriced"], total["cost_nanos"]) == (3, 1, 1, 12)
    assert (total["input_tokens"], total["output_tokens"], total["cost_usd"]) == (36, 15, "0.000000012")
    assert [(row["group"], row["requests"], row["cost_nanos"]) for row in by_model["rows"]] == [
        ({"model": "a"}, 2, 12),
        ({"model": "b"}, 1, 0),
    ]
    assert (by_model["rows"][0]["latency_ms_avg"], by_model["rows"][0]["latency_ms_max"]) == (2.0, 3.0)
    assert [row["group"] for row in by_hour["rows"]] == [
        {"hour": "2026-11-06T01:00:00Z", "model": "a"},
        {"hour": "2026-11-06T00:00:00Z", "model": "a"},
        {"hour": "2026-11-06T00:00:00Z", "model": "b"},
    ]
    assert [(row["group"], row["cost_nanos"]) for row in by_user["rows"]] == [
        ({"user": "u2"}, 7),
        ({"user": "u1"}, 5),
    ]
    assert sum(row["cost_nanos"] for row in by_property["rows"]) == 12
    assert alone["rows"] == [alone["total"]]
    assert alone["total"] == total
    assert (none["total"]["requests"], none["total"]["cost_nanos"], none["total"]["latency_ms_avg"]) == (
        0,
        0,
        None,
    )


@pytest.mark.parametrize(
    "pairs",
    [
        [("from", str(MIDNIGHT_US)), ("to", str(MIDNIGHT_US + DAY_US))],
        [("from", str(MIDNIGHT_US + HOUR_US)), ("to", str(MIDNIGHT_US + 2 * HOUR_US))],
        [("from", str(MIDNIGHT_US + HOUR_US + 1))],
        [("to", str(MIDNIGHT_US + 5))],
    ],
)
@pytest.mark.parametrize("by", ["model", "user", "day", "hour", "day,user", "hour,user", "session"])
async def test_usage_by_whole_hours_and_days_equals_the_listing(
    pairs: list[tuple[str, str]], by: str
) -> None:
    """Times on whole hours take another way through ClickHouse than others."""
    async with running_api(calls_of_two_days()) as api:
        usage = await api.get("/api/v1/usage", ("by", by), *pairs)
        listed = (await api.get(PATH, ("limit", "500"), *pairs))["requests"]
    assert sum(row["requests"] for row in usage["rows"]) == usage["total"]["requests"] == len(listed)
    assert sum(row["cost_nanos"] for row in usage["rows"]) == sum(found["cost_nanos"] for found in listed)


def calls_of_two_days() -> Any:
    """Calls at and around whole hours."""
    if not _TWO_DAYS:
        times = [hour * HOUR_US + shift for hour in range(0, 30, 3) for shift in (0, 1, HOUR_US - 1)]
        calls = [call(received_at_us=MIDNIGHT_US + time, cost_nanos=n + 1) for n, time in enumerate(times)]
        _TWO_DAYS.append(stored(calls))
    return _TWO_DAYS[0]


_TWO_DAYS: list[Any] = []


@pytest.mark.parametrize(
    ("pairs", "param"),
    [
        ([("by", "colour")], "by"),
        ([("by", "")], "by"),
        ([("by", "property.")], "by"),
        ([("by", "model,provider,user,key,endpoint")], "by"),
        ([("limit", "1001")], "limit"),
        ([("cursor", "x")], "cursor"),
    ],
)
async def test_a_bad_dimension_is_named(pairs: list[tuple[str, str]], param: str) -> None:
    async with running_api() as api:
        assert await refused(api, "/api/v1/usage", *pairs) == param


async def test_more_groups_than_the_limit_are_cut_and_told() -> None:
    async with running_api(stored([call(user_id=str(n)) for n in range(5)])) as api:
        cut = await api.get("/api/v1/usage", ("by", "user"), ("limit", "3"))
        whole = await api.get("/api/v1/usage", ("by", "user"), ("limit", "5"))
    assert (len(cut["rows"]), cut["truncated"], cut["total"]["requests"]) == (3, True, 5)
    assert (len(whole["rows"]), whole["truncated"]) == (5, False)
