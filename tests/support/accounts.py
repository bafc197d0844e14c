"""What must come out of the pipeline for what went in, and what did come out of Kafka."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from tallygate.runtime.config import KafkaConfig
from tallygate.schemas.codec import decode
from tallygate.schemas.events import ResponseEvent
from tallygate.schemas.records import Call
from tallygate.schemas.totals import UsageTotals
from tallygate.stream_processors.messages import Raw, decode_messages
from tests.support.kafka_broker import read_topic

CALL_COST_NANOS = 12 * 150 + 5 * 600
"""Of `factories.response_event`: 12 + 5 tokens of gpt-4o-mini at 0.15 and 0.60 dollars a million."""


class Account(NamedTuple):
    """What is totalled of one key."""

    requests: int
    cost_nanos: int


Key = tuple[str, str, str, str]


def expected_totals(responses: Iterable[ResponseEvent]) -> dict[Key, Account]:
    """Totals of events made by `factories.response_event`, counted by hand."""
    counts: Counter[Key] = Counter()
    for event in responses:
        counts[event.project, "project", "", event.project] += 1
        counts[event.project, "user", "", event.user_id] += 1
        counts[event.project, "model", "", event.model] += 1
        counts[event.project, "provider", "", event.provider] += 1
        for name, value in event.properties.items():
            counts[event.project, "property", name.lower(), value] += 1
    return {key: Account(count, count * CALL_COST_NANOS) for key, count in counts.items()}


async def published_totals(config: KafkaConfig) -> dict[Key, Account]:
    """The latest totals of each key and partition in `llm.usage`, summed over partitions."""
    latest: dict[tuple[int, bytes], UsageTotals] = {}
    for message in await read_topic(config, "llm.usage"):
        assert message.key is not None
        latest[message.partition, message.key] = decode(UsageTotals, message.value)
    sums: dict[Key, Account] = defaultdict(lambda: Account(0, 0))
    for totals in latest.values():
        key = (totals.project, totals.dimension, totals.name, totals.value)
        held = sums[key]
        sums[key] = Account(held.requests + totals.requests, held.cost_nanos + totals.cost_nanos)
    return dict(sums)


async def priced_calls(config: KafkaConfig) -> dict[tuple[str, int], Call]:
    """The distinct calls in `llm.calls`, by origin; lines that a test put there to be refused are not."""
    found = decode_messages(Call, [Raw(m.offset, m.value) for m in await read_topic(config, "llm.calls")])
    calls = [placed.record for placed in found.placed]
    return {(call.origin.edge_id, call.origin.seq): call for call in calls}
