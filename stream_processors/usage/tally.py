"""Adding up calls in memory."""

from typing import Any, NamedTuple

from tallygate.schemas.records import Call
from tallygate.schemas.totals import Counters
from tallygate.stream_processors.usage.sketch import add, bucket_of
from tallygate.stream_processors.usage.sums import COUNTERS, MAX_SUM, Sums, sums_of


class Fact(NamedTuple):
    """What one call adds, worked out once for all that it is added to."""

    sums: Sums
    more: tuple[tuple[int, int], ...]
    """Position and number of the counters that are not 0."""
    latency_bucket: int
    ttft_bucket: int | None
    received_at_us: int
    ended_at_us: int


def fact_of(call: Call) -> Fact:
    """What a call adds."""
    sums = sums_of(call)
    return Fact(
        sums,
        tuple((index, count) for index, count in enumerate(sums) if count),
        bucket_of(call.latency_us),
        None if call.ttft_us is None else bucket_of(call.ttft_us),
        call.received_at_us,
        call.ended_at_us,
    )


class Tally:
    """Counters and sketches that grow; and when the calls arrived and ended."""

    __slots__ = ("first_us", "last_seen_us", "last_us", "latency", "sketched", "sums", "ttft")

    def __init__(self, *, sketched: bool = True) -> None:
        self.sketched = sketched
        """Whether sketches are kept; what has none is added without."""
        self.sums = [0] * len(COUNTERS)
        self.latency: dict[int, int] = {}
        self.ttft: dict[int, int] = {}
        self.first_us = MAX_SUM
        """Arrival of the first call, and of the last."""
        self.last_us = 0
        self.last_seen_us = 0
        """End of the last call."""

    def count(self, fact: Fact) -> None:
        """Add one call."""
        _, more, latency, ttft, received_at_us, ended_at_us = fact
        sums = self.sums
        for index, number in more:
            sums[index] += number
        if self.sketched:
            self.latency[latency] = self.latency.get(latency, 0) + 1
            if ttft is not None:
                self.ttft[ttft] = self.ttft.get(ttft, 0) + 1
        # Written out: this runs for every call under every key and rule.
        if received_at_us < self.first_us:
            self.first_us = received_at_us
        if received_at_us > self.last_us:
            self.last_us = received_at_us
        if ended_at_us > self.last_seen_us:
            self.last_seen_us = ended_at_us

    def add(self, other: "Tally") -> None:
        """Add what another has counted."""
        self.sums = [one + more for one, more in zip(self.sums, other.sums, strict=True)]
        if self.sketched:
            add(self.latency, other.latency)
            add(self.ttft, other.ttft)
        self.first_us = min(self.first_us, other.first_us)
        self.last_us = max(self.last_us, other.last_us)
        self.last_seen_us = max(self.last_seen_us, other.last_seen_us)


def fields_of(tally: Tally) -> dict[str, Any]:
    """A tally as the fields of counters."""
    sums = {name: min(MAX_SUM, number) for name, number in zip(COUNTERS, tally.sums, strict=True)}
    return {**sums, "latency_sketch": dict(tally.latency), "ttft_sketch": dict(tally.ttft)}


def tally_of(held: Counters, *, sketched: bool = True) -> Tally:
    """Counters as a tally that goes on from there."""
    tally = Tally(sketched=sketched)
    tally.sums = [held.__dict__[name] for name in COUNTERS]
    if sketched:
        tally.latency, tally.ttft = dict(held.latency_sketch), dict(held.ttft_sketch)
    return tally


def plus(held: Counters, tally: Tally) -> dict[str, Any]:
    """The fields of counters with a tally added."""
    old = held.__dict__
    fields: dict[str, Any] = {
        name: min(MAX_SUM, old[name] + more) for name, more in zip(COUNTERS, tally.sums, strict=True)
    }
    for name, more in (("latency_sketch", tally.latency), ("ttft_sketch", tally.ttft)):
        fields[name] = dict(old[name])
        add(fields[name], more)
    return fields
