"""What callers got against what is stored."""

import asyncio

from tests.end_to_end.stack import Gateway
from tests.support.load import Received
from tests.support.wait import PATIENCE_S, eventually

QUERY = """
SELECT request_id, count(), sum(cost_nanos) FROM calls WHERE properties['load'] = {label:String}
GROUP BY request_id LIMIT 10000
"""


async def assert_accounts_equal(gateway: Gateway, received: Received) -> None:
    """Every answered call is stored once, at its exact cost.

    A call that broke for its caller may still have been answered by the provider, and so be stored.
    """

    def stored() -> dict[str, tuple[int, int]]:
        rows = gateway.sql(QUERY, label=received.label)
        return {str(row[0]): (int(row[1]), int(row[2] or 0)) for row in rows}

    def complete() -> bool:
        return received.cost_nanos.keys() <= stored().keys()

    await eventually(lambda: asyncio.to_thread(complete), within_s=2 * PATIENCE_S)
    rows = await asyncio.to_thread(stored)
    answered = {key: (1, cost) for key, cost in received.cost_nanos.items()}
    assert {key: rows[key] for key in answered} == answered
    assert rows.keys() - answered.keys() <= received.failed.keys()
    print(f"answered {len(answered)}, broken {len(received.failed)}, stored {len(rows)}")
