"""The loop of `tallygate budgets`: sums in, alerts and states out.

Order: (1) become the only writer, by the transactional id; (2) read back what was told (`llm.rule_states`,
`llm.budgets`), which stays true from then on; (3) read every rule's sums, to their end; (4) evaluate, and
write alerts, states and budgets in one transaction, before the next evaluation. Killed anywhere, the next one
begins at 1 and finds either all of an evaluation or nothing of it: nothing is told twice, and what is crossed
and not told is crossed still.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from tallygate.runtime.compacted import CompactedReader, Entry, read_all
from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka import KafkaFencedError, KafkaUnavailableError
from tallygate.runtime.publisher import FIRST_PAUSE_S, LAST_PAUSE_S, Publisher
from tallygate.schemas.codec import BadRecordError, decode
from tallygate.schemas.records import BudgetState, RuleState
from tallygate.schemas.rules import RuleBook
from tallygate.schemas.topics import BUDGETS, RULE_STATES, RULE_TOTALS
from tallygate.schemas.totals import RuleTotals
from tallygate.stream_processors.budget_keeper.codec import latest, messages_of
from tallygate.stream_processors.budget_keeper.leadership import Leadership
from tallygate.stream_processors.budgets.evaluator import Evaluator
from tallygate.stream_processors.rules.keys import decode_key

log = logging.getLogger(__name__)

TRANSACTIONAL_ID = "tallygate-budgets"
POLL_S = 0.05
"""What a lone sum waits for others at most."""
MEMBER_EVERY_S = 1.0


class BudgetKeeper:
    """Evaluates while it is this process's turn."""

    def __init__(self, config: KafkaConfig, rules: Callable[[], RuleBook]) -> None:
        self._config = config
        self._rules = rules
        self.alerts = 0
        """Written since the start."""

    async def run(self, stop: asyncio.Event) -> None:
        """Evaluate, or stand by, until told to stop."""
        pause_s = FIRST_PAUSE_S
        while not stop.is_set():
            leadership = Leadership(self._config)
            try:
                await leadership.join()
                await self._member(leadership, stop)
            except KafkaUnavailableError as error:
                log.warning("%s; again in %.1f s", error, pause_s)
            except KafkaFencedError:
                log.warning("another process has taken over: standing by")
            else:
                pause_s = FIRST_PAUSE_S
            finally:
                await _left(leadership)
            await _wait(stop, pause_s)
            pause_s = min(2 * pause_s, LAST_PAUSE_S)

    async def _member(self, leadership: Leadership, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await leadership.poll(POLL_S)
            if leadership.mine:
                await self._lead(leadership, stop)

    async def _lead(self, leadership: Leadership, stop: asyncio.Event) -> None:
        publisher = Publisher(self._config, client_id="tallygate-budgets", transactional_id=TRANSACTIONAL_ID)
        reader = CompactedReader(self._config, [RULE_TOTALS])
        try:
            await publisher.open()
            told = await read_all(self._config, [RULE_STATES, BUDGETS])
            evaluator = Evaluator(latest(told, RULE_STATES, RuleState), latest(told, BUDGETS, BudgetState))
            await reader.open()
            await self._evaluate(evaluator, reader, publisher, leadership, stop)
        finally:
            await reader.close()
            await publisher.close()

    async def _evaluate(
        self,
        evaluator: Evaluator,
        reader: CompactedReader,
        publisher: Publisher,
        leadership: Leadership,
        stop: asyncio.Event,
    ) -> None:
        member_s = 0.0
        while not stop.is_set() and leadership.mine:
            if time.monotonic() >= member_s:
                await leadership.poll(0)
                member_s = time.monotonic() + MEMBER_EVERY_S
            entries = await reader.poll(POLL_S)
            for entry in entries:
                take(evaluator, entry)
            if not reader.caught_up:
                continue
            evaluator.use(self._rules())
            outcome = evaluator.tick(time.time_ns() // 1000)
            if outcome:
                await publisher.publish(messages_of(outcome, self._config.partitions))
                self.alerts += len(outcome.alerts)


def take(evaluator: Evaluator, entry: Entry) -> None:
    """Give an evaluator a sum, or the news that one is gone."""
    try:
        if entry.value is None:
            evaluator.drop(decode_key(entry.key), entry.partition)
        else:
            evaluator.take(decode(RuleTotals, entry.value))
    except BadRecordError as error:
        log.error("%s/%d: a sum is left out: %s", entry.topic, entry.partition, error)  # noqa: TRY400


async def _left(leadership: Leadership) -> None:
    try:
        await leadership.leave()
    except KafkaUnavailableError as error:
        log.warning("%s", error)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
