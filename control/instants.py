"""Aware times, and microseconds since the Unix epoch."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """To microseconds; a naive time is a mistake and raises."""
    return (at - EPOCH) // MICROSECOND


def instant(at_us: int) -> datetime:
    """To UTC."""
    return EPOCH + at_us * MICROSECOND
