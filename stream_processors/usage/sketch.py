"""Quantile sketches of durations: counts by logarithmic bucket, as in DDSketch.

Masson, Rim and Lee, VLDB 2019. With G = 1.01 / 0.99, bucket b holds the durations above G^(b-1) up to G^b
microseconds, and -1 those of 0: a bucket's middle is within 1 % of everything in it. To merge sketches is to
add their counts, in any order.
"""

import math
from collections.abc import Iterable, Mapping

RELATIVE_ERROR = 0.01
GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
BUCKETS_PER_E = 1 / math.log(GAMMA)
ZERO_BUCKET = -1


def bucket_of(us: int) -> int:
    """The bucket of a duration in microseconds."""
    return math.ceil(math.log(us) * BUCKETS_PER_E) if us > 0 else ZERO_BUCKET


def value_of(bucket: int) -> int:
    """The duration that stands for a bucket, in microseconds."""
    return 0 if bucket < 0 else round(2 * GAMMA**bucket / (GAMMA + 1))


def merged(sketches: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """One sketch of all that several have seen."""
    total: dict[int, int] = {}
    for sketch in sketches:
        add(total, sketch)
    return total


def add(total: dict[int, int], more: Mapping[int, int]) -> None:
    """Add a sketch to another."""
    for bucket, count in more.items():
        total[bucket] = total.get(bucket, 0) + count


def quantile(sketch: Mapping[int, int], q: float) -> int | None:
    """The duration, in microseconds, that the part `q` (0 to 1) of what was seen does not exceed; None if
    nothing was. Within 1 % of the true one."""
    rank = q * (sum(sketch.values()) - 1)
    seen = 0
    for bucket in sorted(sketch):
        seen += sketch[bucket]
        if seen > rank:
            return value_of(bucket)
    return None
