"""The notifier's process of the distributed run."""

import asyncio
import os
import secrets
import socket
from collections.abc import Callable

from prometheus_client import CollectorRegistry

from tallygate.control.open import open_rules
from tallygate.infra.notifier import mailer_of, notifier, store_opened
from tallygate.runtime.config import Settings
from tallygate.runtime.kafka import ensure_topics
from tallygate.runtime.process import run_until_signalled
from tallygate.runtime.publisher import until_available
from tallygate.schemas.rules import RuleBook
from tallygate.stream_processors.notify.kafka_source import KafkaSource
from tallygate.stream_processors.notify.selector import CallSelector


def run(settings: Settings) -> None:
    """Tell of alerts and calls until SIGTERM or SIGINT. Several processes share the work.

    Raises:
        ConfigError, SchemaError, MasterKeyError: the control store, or a setting, can't be used.
        TopicMismatchError: Kafka's topics don't fit.
    """
    rules = open_rules(settings)
    rules.start()
    try:
        run_until_signalled(lambda stop: _notify(settings, rules.current, stop))
    finally:
        rules.stop()


async def _notify(settings: Settings, rules: Callable[[], RuleBook], stop: asyncio.Event) -> None:
    async def topics() -> None:
        await ensure_topics(settings.kafka)

    mailer = mailer_of(settings)
    if not await until_available(topics, stop, what="topics"):
        return
    store = await store_opened(settings, stop)
    if store is None:
        return
    try:
        async with notifier(settings, store, mailer, _owner(), CollectorRegistry()) as made:
            source = KafkaSource(settings.kafka, made.intake, CallSelector(rules))
            await made.run(source, stop)
    finally:
        await asyncio.to_thread(store.close)


def _owner() -> str:
    """Another one with every start: what a killed process had claimed is free when its lease ends."""
    return f"{socket.gethostname()[:24]}-{os.getpid()}-{secrets.token_hex(8)}"
