"""A provider's word on when to come back: `retry-after-ms`, `retry-after` in seconds or as an HTTP date."""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
LONGEST_MS = 86_400_000
"""What is longer counts as this: a provider that names next year would switch a deployment off for good."""


def retry_after_ms(headers: Mapping[str, str], now_ms: int) -> int | None:
    """Milliseconds from `now_ms` (since the Unix epoch) on; None if the provider said nothing usable.

    `headers` are the provider's, names in lower case. `retry-after-ms` wins: it is the more exact.
    """
    wait = _number(headers.get("retry-after-ms"), 1)
    if wait is None:
        value = headers.get("retry-after")
        wait = _number(value, 1_000)
        if wait is None:
            wait = _date(value, now_ms)
    return None if wait is None else min(max(wait, 0), LONGEST_MS)


def _number(value: str | None, unit_ms: int) -> int | None:
    if value is None or not _NUMBER.fullmatch(value.strip()):
        return None
    return round(float(value) * unit_ms)


def _date(value: str | None, now_ms: int) -> int | None:
    if not value:
        return None
    try:
        at = parsedate_to_datetime(value)
        return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000) - now_ms
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
