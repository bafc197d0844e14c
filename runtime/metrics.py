"""Metrics of every process, in Prometheus's format. All names stand here, each with what it counts."""

from collections.abc import Callable, Iterator
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

MetricName = Literal[
    "tallygate_edge_calls_total",  # calls ended, by provider, outcome and status class
    "tallygate_edge_call_seconds",  # from a call's arrival to its answer's last byte, by provider
    "tallygate_edge_first_byte_seconds",  # from a call's arrival to its answer's first byte, by provider
    "tallygate_edge_overhead_seconds",  # the part of a call that was spent in the gateway itself
    "tallygate_edge_calls_in_flight",  # calls that have begun and not ended
    "tallygate_edge_outbox_bytes",  # bytes in the worker's outbox, shipped and kept segments included
    "tallygate_edge_outbox_dropped_total",  # events that could not be written, by topic
    "tallygate_edge_outbox_slimmed_total",  # response events written without bodies for want of room
    "tallygate_edge_budget_refused_total",  # calls refused because a budget is used up
    "tallygate_edge_budget_unreserved_total",  # calls refused for want of room in a budget with reservation
    "tallygate_edge_limits_refused_total",  # calls refused because a rate limit is reached
    "tallygate_edge_limits_unavailable_total",  # decisions and charges without the limits' store
    "tallygate_edge_cache_asked_total",  # calls that asked the cache, by result: hit or miss
    "tallygate_edge_cache_unavailable_total",  # times that the cache's store was not there, or had no room
    "tallygate_core_calls_total",  # calls priced by the embedded core since its start
    "tallygate_core_lag_bytes",  # bytes in the outboxes that the core has not read yet
    "tallygate_core_dead_letters",  # records set aside because they can't be processed
    "tallygate_core_retries_total",  # times that the core's store or state was not available
    "tallygate_core_alerts_total",  # alerts of budgets and rules raised by the embedded core since its start
    "tallygate_audit_differences",  # figures in which log, totals and store differed when last compared
    "tallygate_audit_timestamp_seconds",  # when they were compared last
    "tallygate_core_corrupt_segments",  # outbox segments whose rest is damaged and was skipped
    "tallygate_notify_tries_total",  # tries of deliveries, by what is told (alert, call, test) and result
    "tallygate_notify_deliveries",  # deliveries that wait or are given up, by what is told and state
    "tallygate_notify_dropped_total",  # records of calls that found no room before their channel
    "tallygate_notify_too_old_total",  # events that were found when they were too old to be told of
]
NAMES: tuple[str, ...] = get_args(MetricName)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_CALL_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_OVERHEAD_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1)


class EdgeMetrics:
    """Metrics of one edge worker; each worker has its own registry and tells its number in every series."""

    def __init__(self, worker: int) -> None:
        self.registry = CollectorRegistry()
        self._worker = str(worker)
        self._ended: dict[tuple[str, str, str, str], Counter] = {}
        self._timers: dict[str, tuple[Histogram, Histogram]] = {}
        self._calls = Counter(
            _name("tallygate_edge_calls_total"),
            "Calls ended.",
            ("worker", "provider", "outcome", "status"),
            registry=self.registry,
        )
        self._seconds = self._histogram("tallygate_edge_call_seconds", "To the last byte.", _CALL_BUCKETS_S)
        self._first = self._histogram(
            "tallygate_edge_first_byte_seconds", "To the first byte.", _CALL_BUCKETS_S
        )
        overhead = Histogram(
            _name("tallygate_edge_overhead_seconds"),
            "Spent in the gateway.",
            ("worker",),
            buckets=_OVERHEAD_BUCKETS_S,
            registry=self.registry,
        )
        self.overhead = overhead.labels(self._worker)
        self._in_flight = self._gauge("tallygate_edge_calls_in_flight", "Calls in flight.")
        self._outbox_bytes = self._gauge("tallygate_edge_outbox_bytes", "Bytes in the outbox.")
        self._dropped = Counter(
            _name("tallygate_edge_outbox_dropped_total"),
            "Events dropped.",
            ("worker", "topic"),
            registry=self.registry,
        )
        slimmed = Counter(
            _name("tallygate_edge_outbox_slimmed_total"),
            "Events written without bodies.",
            ("worker",),
            registry=self.registry,
        )
        self.slimmed = slimmed.labels(self._worker)
        self._cache = Counter(
            _name("tallygate_edge_cache_asked_total"),
            "Calls that asked the cache.",
            ("worker", "result"),
            registry=self.registry,
        )

    def call_ended(self, provider: str, outcome: str, status: int) -> None:
        """Count a call. Providers and outcomes are few; a status counts by its class."""
        key = (self._worker, provider, outcome, f"{status // 100}xx")
        # Finding a series by its labels costs more than counting in it.
        counter = self._ended.get(key)
        if counter is None:
            counter = self._ended[key] = self._calls.labels(*key)
        counter.inc()

    def call_timed(self, provider: str, seconds: float, first_byte_seconds: float | None) -> None:
        """Record how long a call took."""
        timers = self._timers.get(provider)
        if timers is None:
            labels = (self._worker, provider)
            timers = self._timers[provider] = (self._seconds.labels(*labels), self._first.labels(*labels))
        timers[0].observe(seconds)
        if first_byte_seconds is not None:
            timers[1].observe(first_byte_seconds)

    def event_dropped(self, topic: str) -> None:
        """Count an event that was lost because the outbox is full."""
        self._dropped.labels(self._worker, topic).inc()

    def cache_asked(self, result: str) -> None:
        """Count a call that asked the cache; `hit` or `miss`."""
        self._cache.labels(self._worker, result).inc()

    def watch_total(self, name: MetricName, description: str, count: Callable[[], float]) -> None:
        """Ask for a count, which only grows, whenever metrics are read."""
        self.registry.register(_Total(name, description, self._worker, count))

    def watch_calls(self, in_flight: Callable[[], float]) -> None:
        """Ask for the number of calls in flight whenever metrics are read."""
        self._in_flight.set_function(in_flight)

    def watch_outbox(self, size_bytes: Callable[[], float]) -> None:
        """Ask for the outbox's size whenever metrics are read."""
        self._outbox_bytes.set_function(size_bytes)

    def exposition(self) -> bytes:
        """All metrics as text, of the content type `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    def _gauge(self, name: MetricName, description: str) -> Gauge:
        return Gauge(name, description, ("worker",), registry=self.registry).labels(self._worker)

    def _histogram(self, name: MetricName, description: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, description, ("worker", "provider"), buckets=buckets, registry=self.registry)


class _Total(Collector):
    """A counter whose count is kept elsewhere."""

    def __init__(self, name: str, description: str, worker: str, count: Callable[[], float]) -> None:
        self._name = name
        self._description = description
        self._worker = worker
        self._count = count

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._description, labels=("worker",))
        family.add_metric((self._worker,), self._count())
        yield family


def _name(name: MetricName) -> str:
    """The name, which the type checker has compared with the list above."""
    return name
