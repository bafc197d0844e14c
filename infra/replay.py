"""What a replay reads and writes, in each way to run, and who must not be at work meanwhile."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from tallygate.control.errors import StoreUnavailableError
from tallygate.control.open import open_store
from tallygate.infra import stack
from tallygate.runtime.clickhouse import EmbeddedTarget, ServerTarget, Target, connect
from tallygate.runtime.config import ConfigError, KafkaConfig, Settings
from tallygate.runtime.kafka import KafkaUnavailableError, group_members
from tallygate.schemas.rules import RuleBook
from tallygate.stream_processors.errors import RetryableError
from tallygate.stream_processors.replay.kafka_log import KafkaLog
from tallygate.stream_processors.replay.log import EventLog, Span
from tallygate.stream_processors.replay.outbox_log import OutboxLog
from tallygate.stream_processors.replay.totals import Accounts
from tallygate.stream_processors.sink.consumer import GROUP as SINK_GROUP
from tallygate.stream_processors.sink.migrate import migrate

Mode = Literal["embedded", "distributed"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a replay is at work."""

    target: Target
    log: EventLog
    rules: RuleBook
    """The projects' time zones, and the prices that they have agreed on."""
    accounts: Accounts | None = None
    """The running totals of the embedded run; in the distributed run they are the workers' own."""


@contextmanager
def opened(settings: Settings, mode: Mode, span: Span, *, alone: bool) -> Iterator[Place]:
    """The store, the event log and the prices.

    Args:
        span: which calls are wanted of the log.
        alone: nobody else may write to the store meanwhile. In the embedded run that is always so.

    Raises:
        ConfigError: somebody is at work.
        RetryableError: something can't be reached.
        MigrationError: the data was made by another release.
    """
    if mode == "embedded":
        with stack.owned(settings.data_dir):
            embedded = EmbeddedTarget(settings.data_dir / "chdb")
            migrate(embedded)
            held = connect(embedded)  # the engine stops with its last session
            try:
                rules = _rules(settings)
                state_path = settings.data_dir / "state.db"
                accounts = Accounts(embedded, settings.outbox_dir, state_path, rules.time_zone)
                yield Place(embedded, OutboxLog(settings.outbox_dir, span), rules, accounts)
            finally:
                held.close()
        return
    server = ServerTarget(settings.clickhouse)
    if alone:
        _ensure_no_sink(settings.kafka)
    migrate(server)
    yield Place(server, KafkaLog(settings.kafka, span), _rules(settings))


def _rules(settings: Settings) -> RuleBook:
    try:
        store = open_store(settings)
        try:
            return store.snapshot().rule_book
        finally:
            store.close()
    except StoreUnavailableError as error:
        raise RetryableError(str(error)) from error


def _ensure_no_sink(config: KafkaConfig) -> None:
    try:
        members = asyncio.run(group_members(config, SINK_GROUP))
    except KafkaUnavailableError as error:
        raise RetryableError(str(error)) from error
    if members:
        raise ConfigError(
            f"{members} sink(s) are at work, and rows that they insert while tables are swapped would be "
            "lost: stop them, and start them again afterwards; what comes meanwhile waits in Kafka"
        )
