"""The Faust application: settings and agents."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import faust

from tallygate.runtime.config import Settings
from tallygate.runtime.kafka_security import faust_options
from tallygate.runtime.publisher import Publisher
from tallygate.schemas.rules import RuleBook
from tallygate.schemas.topics import CALLS, RESPONSES, Topic
from tallygate.stream_processors.faust_worker.backfills import Backfills
from tallygate.stream_processors.faust_worker.drive import Driver
from tallygate.stream_processors.faust_worker.price import PriceStep
from tallygate.stream_processors.faust_worker.steps import Step
from tallygate.stream_processors.faust_worker.transport import StrictTransport
from tallygate.stream_processors.faust_worker.usage import UsageStep
from tallygate.stream_processors.pricing import Pricer

GROUP = "tallygate-worker"


class App(faust.App):
    """Faust's application over the strict consumer."""

    def _new_transport(self) -> StrictTransport:
        return StrictTransport(self.conf.broker_consumer, self)


@dataclass(frozen=True, slots=True)
class Worker:
    """The application and its agents' steps."""

    app: App
    price: PriceStep
    usage: UsageStep

    def assigned(self) -> tuple[int, list[int]]:
        """The generation of the consumer group, and the partitions that this worker has in it."""
        generation = self.app.consumer_generation_id
        partitions = self.app.consumer.assignment() if generation else ()
        return generation, sorted(each.partition for each in partitions if each.topic == CALLS.name)

    async def close(self) -> None:
        """Disconnect the steps."""
        await self.price.close()
        await self.usage.close()


def create_worker(
    settings: Settings,
    stop: asyncio.Event,
    on_fatal: Callable[[BaseException], None],
    rules: Callable[[], RuleBook] = RuleBook,
    backfills: Backfills | None = None,
) -> Worker:
    """Build the application. `on_fatal` is told of any error that leaves an agent: stop the process then."""
    app = create_app(settings)
    publisher = Publisher(settings.kafka, client_id="tallygate-price")
    pricer = Pricer(overrides=lambda: rules().price_overrides)
    worker = Worker(
        app, PriceStep(publisher, pricer, stop), UsageStep(settings.kafka, stop, rules, backfills)
    )
    _add_agent(app, RESPONSES, "price", worker.price, on_fatal)
    _add_agent(app, CALLS, "usage", worker.usage, on_fatal)
    return worker


def create_app(settings: Settings) -> App:
    """An application without agents."""
    session_s = settings.kafka.session_timeout_ms / 1000
    return App(
        GROUP,
        broker=[f"aiokafka://{address}" for address in settings.kafka.bootstrap_servers.split(",")],
        store="memory://",
        datadir=str(settings.data_dir / "faust"),
        autodiscover=False,
        web_enabled=False,
        # Topics are made by `ensure_topics`, all with one number of partitions.
        topic_disable_leader=True,
        topic_allow_declare=False,
        key_serializer="raw",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=2 * 1024 * 1024,
        broker_max_poll_records=500,
        broker_session_timeout=session_s,
        broker_heartbeat_interval=session_s / 4,
        # A rebalance waits so long for members that do not answer.
        broker_rebalance_timeout=max(10.0, session_s),
        broker_commit_interval=1.0,
        # What is under way in an agent at a rebalance is told apart by its generation; to wait for it
        # is where Faust is known to hang.
        stream_wait_empty=False,
        # Each message may be half a megabyte.
        stream_buffer_maxsize=128,
        **faust_options(settings.kafka),
    )


def _add_agent(
    app: App, topic: Topic, name: str, step: Step, on_fatal: Callable[[BaseException], None]
) -> None:
    driver = Driver(app, step, on_fatal)

    async def agent(stream: Any) -> AsyncIterator[int]:
        async for count in driver.run(stream):
            yield count

    source = app.topic(topic.name, key_type=bytes, value_type=bytes)
    app.agent(source, name=name, concurrency=1)(agent)
