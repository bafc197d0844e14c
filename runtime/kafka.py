"""The boundary to Kafka: client settings, error mapping and the topics' creation.

Nothing else maps aiokafka's errors. `runtime.publisher` writes; readers use `consumer_options`.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    RecordListTooLargeError,
)

from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka_security import security_options
from tallygate.runtime.messages import MAX_VALUE_BYTES
from tallygate.schemas.topics import TOPICS, Topic

log = logging.getLogger(__name__)

TOPIC_MAX_MESSAGE_BYTES = 2 * MAX_VALUE_BYTES
"""What the broker lets through; incompressible values grow a little, and records derived from them too."""
REQUEST_TIMEOUT_MS = 10_000
"""After this without an answer a broker counts as gone. aiokafka's 40 s would outlast a shutdown."""
KNOWN_TRIES, KNOWN_PAUSE_S = 30, 0.1
TOPIC_EXISTS = 36
"""Kafka's error code: another process created it at the same moment."""


class KafkaUnavailableError(Exception):
    """Kafka can't be reached or did not answer in time: to be tried again, nothing is lost."""


class KafkaFencedError(Exception):
    """Another process has taken over this writer's identity: this one must stop writing."""


class MessageTooLargeError(Exception):
    """A message that the broker will never take."""


class TopicMismatchError(Exception):
    """A topic exists with settings that would count wrongly: to be put right by a person."""


@contextmanager
def mapped_errors(doing: str) -> Iterator[None]:
    """Turn aiokafka's errors into this module's."""
    try:
        yield
    except ProducerFenced as error:
        raise KafkaFencedError(f"{doing}: another process has taken over") from error
    except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
        raise MessageTooLargeError(f"{doing}: {error}") from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise KafkaUnavailableError(f"{doing}: {type(error).__name__}: {error}") from error


def client_options(config: KafkaConfig) -> dict[str, Any]:
    """Options of every client.

    Raises:
        ConfigError: a certificate or key can't be read.
    """
    return {
        "bootstrap_servers": config.bootstrap_servers,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        **security_options(config),
    }


def consumer_options(config: KafkaConfig) -> dict[str, Any]:
    """Options of a consumer that commits by itself and starts at the beginning of the log."""
    return {
        **client_options(config),
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "isolation_level": "read_committed",
        "max_partition_fetch_bytes": 2 * 1024 * 1024,
        "session_timeout_ms": config.session_timeout_ms,
        "heartbeat_interval_ms": max(100, config.session_timeout_ms // 4),
    }


async def ensure_topics(config: KafkaConfig) -> None:
    """Create the topics of `schemas.topics` that are not there, and check those that are.

    Raises:
        KafkaUnavailableError: to be tried again.
        TopicMismatchError: a topic has another number of partitions or another clean-up policy.
    """
    with mapped_errors("creating topics"):
        admin = AIOKafkaAdminClient(**client_options(config))
        try:
            await admin.start()
            missing = [topic for topic in TOPICS if topic.name not in await admin.list_topics()]
            if missing:
                await _create(admin, missing, config)
            _check_partitions(await _described(admin), config)
            await _check_cleanup(admin)
        finally:
            await admin.close()


async def group_members(config: KafkaConfig, group: str) -> int:
    """How many consumers a group has now.

    Raises:
        KafkaUnavailableError: to be tried again.
    """
    with mapped_errors(f"asking for the group {group}"):
        admin = AIOKafkaAdminClient(**client_options(config))
        try:
            await admin.start()
            (response,) = await _described_group(admin, group)
        finally:
            await admin.close()
    return sum(len(described["members"]) for described in response.to_object()["groups"])


async def _described_group(admin: AIOKafkaAdminClient, group: str) -> list[Any]:
    """A broker on which no group has been yet first makes room for them."""
    for _ in range(KNOWN_TRIES):
        try:
            return list(await admin.describe_consumer_groups([group]))
        except GroupCoordinatorNotAvailableError:
            await asyncio.sleep(KNOWN_PAUSE_S)
    return list(await admin.describe_consumer_groups([group]))


def topic_options(topic: Topic, config: KafkaConfig) -> dict[str, str]:
    """Broker-side settings of a topic."""
    return {
        "cleanup.policy": topic.cleanup,
        "retention.ms": str(topic.retention_ms),
        "max.message.bytes": str(TOPIC_MAX_MESSAGE_BYTES),
        # `acks=all` is worth as much as the copies that must exist: one may fail.
        "min.insync.replicas": str(max(1, config.replication_factor - 1)),
    }


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Topic], config: KafkaConfig) -> None:
    new = [
        NewTopic(
            topic.name,
            config.partitions,
            config.replication_factor,
            topic_configs=topic_options(topic, config),
        )
        for topic in topics
    ]
    response = await admin.create_topics(new, timeout_ms=REQUEST_TIMEOUT_MS)
    for name, code, *message in response.topic_errors:
        if code not in (0, TOPIC_EXISTS):
            raise KafkaUnavailableError(
                f"creating {name}: Kafka's error {code} {message[0] if message else ''}"
            )
    log.info("created topics: %s", ", ".join(topic.name for topic in topics))


async def _described(admin: AIOKafkaAdminClient) -> dict[str, int]:
    """Partitions by topic. A topic that was just created takes a moment to be known to every broker."""
    names = [topic.name for topic in TOPICS]
    for _ in range(KNOWN_TRIES):
        topics = await admin.describe_topics(names)
        found = {topic["topic"]: len(topic["partitions"]) for topic in topics if not topic["error_code"]}
        if len(found) == len(names):
            return found
        await asyncio.sleep(KNOWN_PAUSE_S)
    raise KafkaUnavailableError("the topics are not known to every broker yet")


def _check_partitions(counts: Mapping[str, int], config: KafkaConfig) -> None:
    """Every topic must have the same number, or derived records would lose their order."""
    wrong = [f"{name} has {count}" for name, count in sorted(counts.items()) if count != config.partitions]
    if wrong:
        raise TopicMismatchError(f"kafka.partitions is {config.partitions}, but {', '.join(wrong)}")


async def _check_cleanup(admin: AIOKafkaAdminClient) -> None:
    """Totals live in a compacted topic: with `delete` they would vanish after some days."""
    names = [topic.name for topic in TOPICS]
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, {"cleanup.policy": ""}) for name in names]
    found: dict[str, str] = {}
    for response in await admin.describe_configs(resources):
        for _, _, _, name, entries in response.resources:
            found[name] = next((entry[1] for entry in entries if entry[0] == "cleanup.policy"), "")
    wrong = [
        f"{t.name} has cleanup.policy {found[t.name]!r} and needs {t.cleanup!r}"
        for t in TOPICS
        if found.get(t.name, t.cleanup) != t.cleanup
    ]
    if wrong:
        raise TopicMismatchError("; ".join(wrong))
