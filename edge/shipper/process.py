"""The shipper's process."""

import asyncio

from tallygate.edge.shipper.budgets import BudgetFollower
from tallygate.edge.shipper.shipper import Shipper
from tallygate.runtime.config import Settings
from tallygate.runtime.process import run_until_signalled
from tallygate.runtime.publisher import Publisher
from tallygate.runtime.tasks import spawn


def run(settings: Settings) -> None:
    """Ship the outboxes of `settings.outbox_dir` until SIGTERM or SIGINT.

    Raises:
        PositionsError: the saved positions are damaged.
        TopicMismatchError: Kafka's topics don't fit.
    """
    run_until_signalled(lambda stop: _ship(settings, stop))


async def _ship(settings: Settings, stop: asyncio.Event) -> None:
    publisher = Publisher(settings.kafka, client_id="tallygate-shipper")
    shipper = Shipper(settings, publisher)
    follower = BudgetFollower(settings.kafka, settings.data_dir / "budgets.json")
    following = spawn(follower.run(), name="budgets")
    try:
        await shipper.run(stop)
    finally:
        following.cancel()
        await asyncio.wait([following])
        await publisher.close()
