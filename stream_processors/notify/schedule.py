"""When a delivery that failed is tried again. Pure."""

from dataclasses import dataclass

DELAYS_S = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 6 * 3600)
"""After the first try, the second, …: the schedule that the Standard Webhooks specification proposes."""
WITHIN_S = 24 * 3600
JITTER = 0.1
"""Part of a delay that is added by chance: receivers that were down together aren't called together."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Delays between tries, and the time after which there is none."""

    delays_s: tuple[float, ...] = DELAYS_S
    within_s: float = WITHIN_S

    def next_us(
        self, *, tries: int, begun_us: int, now_us: int, chance: float, retry_after_s: float = 0.0
    ) -> int | None:
        """The time of the next try, in microseconds since the epoch; None if there shall be none.

        Args:
            tries: how often it was tried, once at least.
            begun_us: when it was to be tried first.
            chance: 0 to 1.
            retry_after_s: what the receiver asked for; never past the last try's time.
        """
        last_us = begun_us + int(self.within_s * 1e6)
        if tries > len(self.delays_s) or now_us >= last_us:
            return None
        delay_s = max(self.delays_s[tries - 1] * (1 + JITTER * chance), retry_after_s)
        return min(now_us + int(delay_s * 1e6), last_us)
