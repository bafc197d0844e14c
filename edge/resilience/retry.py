"""Retries: which failures, how often, and after which wait."""

from collections.abc import Callable
from dataclasses import dataclass

from tallygate.edge.errors import invalid_header
from tallygate.edge.header_values import GatewayHeaders, decimal, flag, integer

RETRIED_STATUSES = frozenset({408, 409, 429, 500, 502, 503, 504, 522, 529})
"""409 is a lock that the provider could not get in time; 522 and 529 are Cloudflare's and Anthropic's."""
RETRIED_ERRORS = frozenset({"connect", "closed", "protocol"})
"""Failures of the connection. Not `timeout`: the call has then used up what it may take."""

Random = Callable[[], float]
"""As `random.random`: from 0 up to, not including, 1."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a target is tried again, and the waits in between."""

    retries: int = 0
    factor: float = 2.0
    min_timeout_ms: int = 1_000
    max_timeout_ms: int = 10_000

    @classmethod
    def from_headers(cls, headers: GatewayHeaders) -> "RetryPolicy":
        """Read `Retry-Enabled`, `Retry-Num`, `Retry-Factor`, `Retry-Min-Timeout`, `Retry-Max-Timeout`.

        All are checked, even where retries are off: a mistake is told when it is made.

        Raises:
            GatewayError: 400; one is not what it should be, or the shortest wait exceeds the longest.
        """
        enabled = flag(headers, "retry-enabled", default=False)
        retries = integer(headers, "retry-num", default=3, low=0, high=20)
        factor = decimal(headers, "retry-factor", default=2.0, low=1.0, high=10.0)
        low = integer(headers, "retry-min-timeout", default=1_000, low=0, high=600_000)
        high = integer(headers, "retry-max-timeout", default=max(10_000, low), low=0, high=600_000)
        if "retry-min-timeout" not in headers:
            low = min(low, high)
        if low > high:
            raise invalid_header(
                headers["retry-min-timeout"].name, f"is above Retry-Max-Timeout ({high} ms)."
            )
        return cls(retries if enabled else 0, factor, low, high)


def is_retried(status: int, error: str) -> bool:
    """Whether a failure is of the kind that another try may heal."""
    return status in RETRIED_STATUSES or (status == 0 and error in RETRIED_ERRORS)


def backoff_ms(policy: RetryPolicy, retry: int, random: Random) -> int:
    """The wait before a retry (0 is the first): exponential, capped, with full jitter.

    Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    ceiling = min(policy.min_timeout_ms * policy.factor**retry, policy.max_timeout_ms)
    return int(ceiling * random())
