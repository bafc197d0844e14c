"""Budgets on their way to the edges: follows `llm.budgets` and keeps `budgets.json` equal to it.

While Kafka is away the file stays as it is, and the edges go on with it.
"""

import asyncio
import logging
import time
from pathlib import Path

from tallygate.edge.budget.state_file import BudgetFileWriter
from tallygate.runtime.compacted import CompactedReader, Entry
from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka import KafkaUnavailableError
from tallygate.schemas.codec import BadRecordError, decode
from tallygate.schemas.records import BudgetState
from tallygate.schemas.topics import BUDGETS

log = logging.getLogger(__name__)

POLL_S = 1.0
"""How long a poll waits for news; they end it."""
AGAIN_S = 1.0


class BudgetFollower:
    """Writes the file whenever a budget changes."""

    def __init__(self, config: KafkaConfig, path: Path) -> None:
        self._config = config
        self._file = BudgetFileWriter(path)
        self._states: dict[bytes, BudgetState] = {}
        self._due = True

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            reader = CompactedReader(self._config, [BUDGETS])
            try:
                await self._follow(reader)
            except (KafkaUnavailableError, OSError) as error:
                log.warning("budgets stay as they are: %s", error)
            finally:
                await reader.close()
            await asyncio.sleep(AGAIN_S)

    async def _follow(self, reader: CompactedReader) -> None:
        """From the beginning: what was deleted meanwhile must not stay."""
        await reader.open()
        self._states.clear()
        self._due = True
        while True:
            if self._due and reader.caught_up:
                states = list(self._states.values())
                await asyncio.to_thread(self._file.write, states, time.time_ns() // 1000)
                self._due = False
            for entry in await reader.poll(POLL_S):
                self._take(entry)

    def _take(self, entry: Entry) -> None:
        self._due = True
        self._states.pop(entry.key, None)
        if entry.value is None:
            return
        try:
            self._states[entry.key] = decode(BudgetState, entry.value)
        except BadRecordError as error:
            log.error("%s/%d: a budget is left out: %s", entry.topic, entry.partition, error)  # noqa: TRY400
