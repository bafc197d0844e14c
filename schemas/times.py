"""Times as people write them in queries."""

from datetime import UTC, datetime

US_PER_SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_US = 10_413_791_999_999_999
"""The last microsecond of 2299, which is as far as the tables go."""


def parse_time_us(text: str) -> int:
    """Microseconds since the epoch of an ISO 8601 time (UTC if it names no zone), or of an epoch number.

    A number is taken as seconds, milliseconds or microseconds by its size: below 10^11 it is seconds (until
    the year 5138), below 10^14 milliseconds.

    Raises:
        ValueError: it is neither, or outside of 1970 to 2299.
    """
    # In a query string `+` is a blank: `…+02:00` arrives as `… 02:00`.
    value = _number_us(text) if _is_number(text) else _iso_us(text.replace(" 0", "+0").replace(" 1", "+1"))
    if not 0 <= value <= MAX_US:
        raise ValueError("is outside of 1970 to 2299")
    return value


def text_of(time_us: int) -> str:
    """A time as ClickHouse's `DateTime64(6, 'UTC')` reads it."""
    seconds, micros = divmod(time_us, US_PER_SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{micros:06d}"


def _is_number(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").replace(".", "", 1).isdigit() and len(text) <= 24


def _number_us(text: str) -> int:
    whole, _, fraction = text.partition(".")
    size = abs(int(whole))
    unit = US_PER_SECOND if size < 10**11 else 1000 if size < 10**14 else 1
    part = int(fraction.ljust(6, "0")[:6]) * unit // US_PER_SECOND if fraction else 0
    return int(whole) * unit + part


def _iso_us(text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("is neither an ISO 8601 time nor a number of seconds") from error
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return micros_of(time)


def micros_of(time: datetime) -> int:
    """Microseconds since the epoch of an aware time."""
    delta = time - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * US_PER_SECOND + delta.microseconds
