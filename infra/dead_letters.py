"""The latest dead letters, from the embedded runner's state or from Kafka."""

import base64
from pathlib import Path

from tallygate.runtime.compacted import read_all
from tallygate.runtime.config import KafkaConfig
from tallygate.schemas.call import Origin
from tallygate.schemas.codec import decode
from tallygate.schemas.records import DeadLetter
from tallygate.schemas.topics import BY_CODE, DEADLETTER
from tallygate.stream_processors.embedded import read_dead_letters


def of_state(path: Path, limit: int) -> list[DeadLetter]:
    """Those of an embedded system, the latest first.

    Raises:
        RetryableError: the state can't be read.
    """
    return [
        DeadLetter(
            source=BY_CODE[dead.topic].name if dead.topic in BY_CODE else f"topic {dead.topic}",
            partition=0,
            offset=dead.seq,
            reason=dead.reason,
            payload=base64.b64encode(dead.payload).decode(),
            origin=Origin(edge_id=dead.edge_id, seq=dead.seq),
            failed_at_us=failed_at_us,
        )
        for dead, failed_at_us in read_dead_letters(path, limit)
    ]


async def of_kafka(config: KafkaConfig, limit: int) -> list[DeadLetter]:
    """Those in the topic `llm.deadletter`, the latest first.

    Raises:
        KafkaUnavailableError: Kafka can't be read.
    """
    entries = await read_all(config, [DEADLETTER])
    letters = [decode(DeadLetter, entry.value) for entry in entries if entry.value is not None]
    return sorted(letters, key=lambda letter: letter.failed_at_us, reverse=True)[:limit]
