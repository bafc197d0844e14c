"""The process of `tallygate budgets`."""

import asyncio
from collections.abc import Callable

from tallygate.runtime.config import Settings
from tallygate.runtime.kafka import ensure_topics
from tallygate.runtime.process import run_until_signalled
from tallygate.runtime.publisher import until_available
from tallygate.schemas.rules import RuleBook
from tallygate.stream_processors.budget_keeper.keeper import BudgetKeeper


def run(settings: Settings, rules: Callable[[], RuleBook]) -> None:
    """Evaluate rules until SIGTERM or SIGINT; `rules` gives those that are in force, at once.

    Raises:
        TopicMismatchError: Kafka's topics don't fit.
    """
    run_until_signalled(lambda stop: _keep(settings, rules, stop))


async def _keep(settings: Settings, rules: Callable[[], RuleBook], stop: asyncio.Event) -> None:
    async def topics() -> None:
        await ensure_topics(settings.kafka)

    if await until_available(topics, stop, what="topics"):
        await BudgetKeeper(settings.kafka, rules).run(stop)
