"""The books of the distributed run: `llm.usage`, ClickHouse and `llm.responses`."""

import asyncio
from collections.abc import Iterator

from tallygate.runtime.clickhouse import Target
from tallygate.runtime.compacted import read_all
from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka import KafkaUnavailableError
from tallygate.schemas.codec import decode
from tallygate.schemas.topics import USAGE
from tallygate.schemas.totals import UsageTotals
from tallygate.stream_processors.audit.audit import Counted
from tallygate.stream_processors.audit.compare import Stream
from tallygate.stream_processors.errors import RetryableError
from tallygate.stream_processors.replay.kafka_log import KafkaLog
from tallygate.stream_processors.replay.log import Span
from tallygate.stream_processors.usage.keys import decode_key


class KafkaBooks:
    """`Books` over Kafka and a ClickHouse server. Everything may be at work."""

    def __init__(self, target: Target, config: KafkaConfig, since_us: int) -> None:
        """`since_us`: the log is counted from there on; totals and store, always as a whole."""
        self.target = target
        self._config = config
        self._since_us = since_us

    def counted(self) -> Counted:
        """See `Books`."""
        try:
            entries = asyncio.run(read_all(self._config, [USAGE]))
        except KafkaUnavailableError as error:
            raise RetryableError(str(error)) from error
        latest: dict[tuple[int, bytes], bytes | None] = {}
        for entry in entries:
            if decode_key(entry.key).dimension == "project":
                latest[entry.partition, entry.key] = entry.value
        totals = tuple(decode(UsageTotals, value) for value in latest.values() if value is not None)
        return Counted(totals, {})

    def events(self) -> Iterator[tuple[Stream, int]]:
        """See `Books`."""
        for chunk in KafkaLog(self._config, Span(), self._since_us).chunks():
            for placed in chunk.responses:
                origin = placed.record.origin
                yield (chunk.partition, origin.edge_id), origin.seq
