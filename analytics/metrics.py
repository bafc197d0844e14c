"""The query API's own figures."""

from prometheus_client import CollectorRegistry, Counter, Histogram

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class ApiMetrics:
    """Metrics of the query API."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.requests = Counter(
            "tallygate_api_requests", "Requests answered.", ["route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "tallygate_api_request_seconds",
            "Time to answer.",
            ["route"],
            buckets=_BUCKETS_S,
            registry=registry,
        )
