"""Figures of the embedded runner, read from it whenever metrics are asked for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tallygate.runtime.metrics import MetricName
from tallygate.stream_processors.embedded import EmbeddedRunner


@dataclass(frozen=True, slots=True)
class _Figure:
    name: MetricName
    description: str
    value: float


def watch(runner: EmbeddedRunner, registry: CollectorRegistry) -> None:
    """Tell the runner's figures in this registry."""
    registry.register(_RunnerCollector(runner))


class _RunnerCollector(Collector):
    def __init__(self, runner: EmbeddedRunner) -> None:
        self._runner = runner

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client`."""
        for figure in self._figures():
            kind = CounterMetricFamily if figure.name.endswith("_total") else GaugeMetricFamily
            yield kind(figure.name, figure.description, value=figure.value)

    def _figures(self) -> Iterable[_Figure]:
        runner = self._runner
        return (
            _Figure("tallygate_core_calls_total", "Calls priced.", runner.processed),
            _Figure("tallygate_core_lag_bytes", "Bytes not read yet.", runner.lag_bytes),
            _Figure("tallygate_core_dead_letters", "Records set aside.", runner.dead_letters),
            _Figure("tallygate_core_retries_total", "Times not available.", runner.retries),
            _Figure("tallygate_core_alerts_total", "Alerts raised.", runner.alerts),
            _Figure("tallygate_core_corrupt_segments", "Damaged segments.", runner.corrupt_segments),
        )
