"""Which of several processes evaluates: the one that Kafka gives the first partition of `llm.budgets`.

The others stand by. It only saves them from fencing each other off all the time; that no two write is the
transactional id's affair (`keeper`).
"""

import logging
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka import consumer_options, mapped_errors
from tallygate.schemas.topics import BUDGETS

log = logging.getLogger(__name__)

GROUP = "tallygate-budgets"
_FIRST = TopicPartition(BUDGETS.name, 0)


class Leadership(ConsumerRebalanceListener):  # type: ignore[misc]
    """Membership in the group. Nothing is read by it."""

    def __init__(self, config: KafkaConfig) -> None:
        self._consumer = AIOKafkaConsumer(**consumer_options(config), group_id=GROUP, client_id=GROUP)
        self.mine = False
        """Whether this process is to evaluate."""

    async def join(self) -> None:
        """Become a member.

        Raises:
            KafkaUnavailableError: to be tried again.
        """
        with mapped_errors("joining"):
            await self._consumer.start()
        self._consumer.subscribe([BUDGETS.name], listener=self)

    async def poll(self, within_s: float) -> None:
        """Stay a member; to be called every few seconds at least.

        Raises:
            KafkaUnavailableError: to be tried again.
        """
        self._consumer.pause(*self._consumer.assignment())
        with mapped_errors("staying a member"):
            await self._consumer.getmany(timeout_ms=int(within_s * 1000), max_records=1)

    async def leave(self) -> None:
        """Let another take over at once."""
        self.mine = False
        with mapped_errors("leaving"):
            await self._consumer.stop()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Called by the consumer before a rebalance: it may end with the same answer."""

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Called by the consumer after a rebalance."""
        mine = _FIRST in set(assigned)
        if mine != self.mine:
            log.info("this process %s", "evaluates the rules" if mine else "stands by")
        self.mine = mine
