"""The newest calls without a look at older ones: a period cut into slices, each longer than the one before.

Asked for the newest of ten million calls at once, ClickHouse reads the end of every part: millions of rows.
"""

from collections.abc import Iterator

from tallygate.analytics.requests.clause import Clause
from tallygate.schemas.times import US_PER_SECOND, text_of

FIRST_US = 600 * US_PER_SECOND
GROWTH = 6
LONGEST_US = 30 * 24 * 3600 * US_PER_SECOND
"""What is left beyond is one slice: a period of years takes no more than a few statements."""


def slices(newest_us: int, since_us: int) -> Iterator[list[Clause]]:
    """Conditions on the time, the newest calls first; each call meets just one of them.

    Args:
        newest_us: about where the newest call is; later ones are in the first slice.
        since_us: no call is before that.
    """
    later: list[Clause] = []
    length_us = FIRST_US
    begin_us = newest_us - length_us
    while begin_us > since_us and length_us <= LONGEST_US:
        begin = text_of(begin_us)
        yield [Clause("received_at >= {slice_from:DateTime64(6, 'UTC')}", {"slice_from": begin}), *later]
        later = [Clause("received_at < {slice_to:DateTime64(6, 'UTC')}", {"slice_to": begin})]
        length_us *= GROWTH
        begin_us -= length_us
    yield later
