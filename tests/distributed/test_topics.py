"""Topics are made as `schemas` says, and what was made otherwise is refused."""

import re

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tallygate.runtime.config import KafkaConfig, Settings
from tallygate.runtime.kafka import (
    KafkaUnavailableError,
    TopicMismatchError,
    client_options,
    ensure_topics,
    topic_options,
)
from tallygate.schemas.topics import TOPICS, USAGE
from tests.support.wait import eventually

pytestmark = pytest.mark.kafka


async def test_every_topic_has_the_settings_of_the_schemas(settings: Settings) -> None:
    admin = AIOKafkaAdminClient(**client_options(settings.kafka))
    await admin.start()
    try:
        described = {t["topic"]: t for t in await admin.describe_topics([topic.name for topic in TOPICS])}
        for topic in TOPICS:
            assert len(described[topic.name]["partitions"]) == settings.kafka.partitions
            resource = ConfigResource(ConfigResourceType.TOPIC, topic.name)
            [response] = await admin.describe_configs([resource])
            found = {entry[0]: entry[1] for entry in response.resources[0][4]}
            wanted = topic_options(topic, settings.kafka)
            assert {name: found[name] for name in wanted} == wanted
    finally:
        await admin.close()


async def test_creating_again_changes_nothing(settings: Settings) -> None:
    await ensure_topics(settings.kafka)
    await ensure_topics(settings.kafka)


async def test_another_number_of_partitions_is_refused_by_name(settings: Settings) -> None:
    wrong = settings.kafka.model_copy(update={"partitions": settings.kafka.partitions + 1})
    told = ", ".join(f"{name} has 3" for name in sorted(topic.name for topic in TOPICS))
    with pytest.raises(TopicMismatchError, match=rf"^kafka\.partitions is 4, but {re.escape(told)}$"):
        await ensure_topics(wrong)


async def test_totals_without_compaction_are_refused(settings: Settings) -> None:
    admin = AIOKafkaAdminClient(**client_options(settings.kafka))
    await admin.start()
    try:
        options = topic_options(USAGE, settings.kafka) | {"cleanup.policy": "delete"}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, USAGE.name, options)])
    finally:
        await admin.close()

    async def refusal() -> str:
        try:
            await ensure_topics(settings.kafka)
        except TopicMismatchError as error:
            return str(error)
        return ""

    assert "llm.usage has cleanup.policy 'delete'" in await eventually(refusal)


async def test_no_broker_is_a_matter_of_waiting() -> None:
    with pytest.raises(KafkaUnavailableError):
        await ensure_topics(KafkaConfig(bootstrap_servers="127.0.0.1:1"))
