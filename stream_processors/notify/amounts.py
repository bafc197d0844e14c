"""Values of metrics and windows of time, as people read them. Pure."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CENT_NANOS = 10_000_000
_UNITS_S = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_DATES = {"hour": "%Y-%m-%d %H:%M", "day": "%Y-%m-%d", "week": "week of %Y-%m-%d", "month": "%Y-%m"}


def amount(metric: str, value: int) -> str:
    """A metric's value with its unit."""
    if metric == "cost":
        return usd(value)
    if metric.endswith("_rate"):
        return f"{value / 10_000:.4g} %"
    if metric.startswith(("latency_", "ttft_")):
        return f"{value / 1e6:.3g} s" if abs(value) >= 1_000_000 else f"{value / 1000:.3g} ms"
    return f"{value:,}"


def usd(nanos: int) -> str:
    """Nano-dollars as dollars: cents, or of less than one cent all that there is down to a millionth."""
    sign, nanos = ("-" if nanos < 0 else ""), abs(nanos)
    if nanos and nanos < _CENT_NANOS:
        return f"{sign}${nanos / 1e9:.6f}".rstrip("0")
    return f"{sign}${nanos / 1e9:,.2f}"


def metric_name(metric: str) -> str:
    """A metric's name in words."""
    words = metric.replace("latency_", "latency ").replace("ttft_", "time to first token ")
    return words.replace("_", " ")


def when(window: str, start_us: int, zone: str) -> str:
    """A window of time: the period by its date, or a sliding window's length."""
    if window.endswith("s") and window[:-1].isdecimal():
        return f"the last {_length(int(window[:-1]))}"
    return moment(start_us, zone).strftime(_DATES.get(window, "%Y-%m-%d %H:%M"))


def moment(at_us: int, zone: str) -> datetime:
    """A time in a zone; in UTC if there is no such zone here."""
    try:
        there = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return EPOCH + timedelta(microseconds=at_us)
    return (EPOCH + timedelta(microseconds=at_us)).astimezone(there)


def _length(seconds: int) -> str:
    size, unit = next((size, unit) for size, unit in _UNITS_S if seconds % size == 0)
    return f"{seconds // size} {unit}"
