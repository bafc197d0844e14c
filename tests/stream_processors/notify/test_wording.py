"""Alerts in words."""

from typing import Any

import pytest

from tallygate.schemas.deliveries import of_call
from tallygate.schemas.webhooks import AlertWebhook, CallWebhook
from tallygate.stream_processors.notify.amounts import amount, usd, when
from tallygate.stream_processors.notify.slack import MAX_TITLE_CHARS, slack_message
from tallygate.stream_processors.notify.wording import Notice, notice_of
from tests.stream_processors.notify.alerts import alert
from tests.support.factories import NOV_2026_US, call


def notice(**fields: Any) -> Notice:
    made = alert(**fields)
    return notice_of(AlertWebhook(type=f"alert.{made.state}", timestamp="", data=made))


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "$0.00"),
        (1, "$0.000000"),
        (1_500, "$0.000002"),
        (4_200_000, "$0.0042"),
        (9_999_999, "$0.01"),
        (10_000_000, "$0.01"),
        (40_100_000_000, "$40.10"),
        (1_234_567_890_000_000, "$1,234,567.89"),
        (-5_000_000_000, "-$5.00"),
    ],
)
def test_dollars(nanos: int, text: str) -> None:
    assert usd(nanos).rstrip("0") == text.rstrip("0")


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("requests", 12_345, "12,345"),
        ("total_tokens", 1_000_000, "1,000,000"),
        ("error_rate", 25_000, "2.5 %"),
        ("cache_hit_rate", 1_000_000, "100 %"),
        ("latency_p95", 850_000, "850 ms"),
        ("ttft_p50", 1_250_000, "1.25 s"),
    ],
)
def test_amounts(metric: str, value: int, text: str) -> None:
    assert amount(metric, value) == text


@pytest.mark.parametrize(
    ("window", "zone", "text"),
    [
        ("hour", "UTC", "2026-11-06 21:20"),
        ("day", "UTC", "2026-11-06"),
        ("day", "Asia/Tokyo", "2026-11-07"),
        ("week", "UTC", "week of 2026-11-06"),
        ("month", "UTC", "2026-11"),
        ("3600s", "UTC", "the last 1 h"),
        ("5400s", "UTC", "the last 90 min"),
        ("172800s", "UTC", "the last 2 d"),
        ("", "Nowhere/Land", "2026-11-06 21:20"),
    ],
)
def test_windows(window: str, zone: str, text: str) -> None:
    assert when(window, NOV_2026_US, zone) == text


def test_a_threshold_that_is_reached() -> None:
    assert notice().title == "Growth, daily: cost is $40.10 and has reached 80 % of $50.00"
    facts = notice(group_by="user", group="bob", raised_at_us=NOV_2026_US).facts
    assert dict(facts) == {
        "Project": "default",
        "User": "bob",
        "Value": "$40.10",
        "Threshold": "80 % of $50.00",
        "Time": "2026-11-06",
        "Requests": "1,234",
        "Raised": "2026-11-06 21:20:00 UTC",
    }


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"threshold": 50_000_000_000, "threshold_percent": 100}, "has reached $50.00"),
        (
            {
                "metric": "cache_hit_rate",
                "direction": "below",
                "value": 90_000,
                "threshold": 100_000,
                "limit": None,
            },
            "cache hit rate is 9 % and is below 10 %",
        ),
        (
            {"kind": "projected", "projected": 73_000_000_000},
            "at this rate cost will be $73.00 by the end of the day",
        ),
        (
            {"kind": "anomaly", "value": 12_000_000_000, "baseline": 4_000_000_000, "limit": None},
            "cost is $12.00 this hour, usually $4.00",
        ),
        ({"state": "resolved", "value": 1_000_000_000}, "resolved, cost is $1.00"),
        ({"metric": "ttft_p95", "value": 2_000_000}, "time to first token p95 is 2 s"),
    ],
)
def test_other_kinds(fields: dict[str, Any], words: str) -> None:
    assert words in notice(**fields).title


@pytest.mark.parametrize(
    ("action", "value", "words"),
    [
        ("notify", 60, None),
        ("block", 40, None),
        ("block", 50, "are refused until the period ends"),
        ("warn", 50, "go on, with a warning"),
    ],
)
def test_what_becomes_of_calls(action: str, value: int, words: str | None) -> None:
    assert dict(notice(action=action, value=value * 10**9).facts).get("Calls") == words


def test_line_breaks_stay_out_of_titles() -> None:
    assert "\n" not in notice(name="a\r\nBcc: everybody@example.com").title


def test_the_group_is_named_by_what_it_is() -> None:
    assert ("Team", "growth") in notice(group_by="property.team", group="growth").facts


def test_slack_gets_blocks_without_mentions() -> None:
    message = slack_message(notice(name="<!channel> & co", group="<@U1>", group_by="user"))
    assert "&lt;!channel&gt; &amp; co" in message["text"]
    header, section = message["blocks"]
    assert header["text"]["type"] == "plain_text"
    assert len(header["text"]["text"]) <= MAX_TITLE_CHARS
    assert {"type": "mrkdwn", "text": "*User*\n&lt;@U1&gt;"} in section["fields"]
    assert len(section["fields"]) <= 10
    assert all(len(field["text"]) <= 2000 for field in section["fields"])


def test_slack_limits_hold_for_long_texts() -> None:
    message = slack_message(notice(name="n" * 500, group="&" * 5000, group_by="user"))
    assert len(message["blocks"][0]["text"]["text"]) == MAX_TITLE_CHARS
    assert all(len(field["text"]) <= 6000 for field in message["blocks"][1]["fields"])


def test_a_call_and_a_test_have_words_too() -> None:
    payload = CallWebhook.model_validate_json(of_call(call()).payload)
    assert payload.data.request_id in notice_of(payload).title
