"""Figures of the notifier, read from it whenever metrics are asked for."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tallygate.runtime.metrics import MetricName

if TYPE_CHECKING:
    from tallygate.infra.notifier import Notifier

TRIES: MetricName = "tallygate_notify_tries_total"
DELIVERIES: MetricName = "tallygate_notify_deliveries"
DROPPED: MetricName = "tallygate_notify_dropped_total"
TOO_OLD: MetricName = "tallygate_notify_too_old_total"


def watch_notifier(notifier: "Notifier", registry: CollectorRegistry) -> None:
    """Tell the notifier's figures in this registry."""
    registry.register(_NotifierCollector(notifier))


class _NotifierCollector(Collector):
    def __init__(self, notifier: "Notifier") -> None:
        self._notifier = notifier

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client`."""
        tries = CounterMetricFamily(TRIES, "Tries of deliveries.", labels=("kind", "result"))
        for labels, count in self._notifier.courier.tried.items():
            tries.add_metric(labels, count)
        yield tries
        deliveries = GaugeMetricFamily(DELIVERIES, "Deliveries not made.", labels=("kind", "state"))
        for labels, count in self._notifier.housekeeping.counts.items():
            deliveries.add_metric(labels, count)
        yield deliveries
        yield CounterMetricFamily(DROPPED, "Records without room.", value=self._notifier.intake.dropped)
        yield CounterMetricFamily(TOO_OLD, "Events too old to tell.", value=self._notifier.intake.too_old)
