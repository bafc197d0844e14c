"""One real broker for all these tests, with an empty log for each."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from tallygate.infra.kafka.dev_broker import DevBroker
from tallygate.runtime.config import KafkaConfig, Settings
from tallygate.runtime.kafka import client_options, ensure_topics
from tallygate.schemas.topics import TOPICS
from tests.support.kafka_broker import running_broker
from tests.support.wait import eventually

PARTITIONS = 3
SESSION_TIMEOUT_MS = 3000


@pytest.fixture(scope="session")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevBroker]:
    """A broker that lasts; tests that kill it start it again."""
    with running_broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def broker(shared_broker: DevBroker) -> DevBroker:
    """The broker with new topics. Kafka forgets a group's offsets with the topics they are of."""
    if not shared_broker.running:  # a test that failed has left it so
        shared_broker.start()
    asyncio.run(_new_topics(kafka_config(shared_broker)))
    return shared_broker


@pytest.fixture
def settings(broker: DevBroker, tmp_path: Path) -> Settings:
    """Settings of a system on that broker and an empty data directory."""
    return Settings(data_dir=tmp_path / "data", kafka=kafka_config(broker))


def kafka_config(broker: DevBroker) -> KafkaConfig:
    """How to reach the broker."""
    return KafkaConfig(
        bootstrap_servers=broker.bootstrap_servers,
        partitions=PARTITIONS,
        session_timeout_ms=SESSION_TIMEOUT_MS,
    )


async def _new_topics(config: KafkaConfig) -> None:
    admin = AIOKafkaAdminClient(**client_options(config))
    await admin.start()
    try:
        names = {topic.name for topic in TOPICS}
        if found := names & set(await admin.list_topics()):
            await admin.delete_topics(sorted(found))

        async def gone() -> bool:
            return not names & set(await admin.list_topics())

        await eventually(gone)
    finally:
        await admin.close()
    await ensure_topics(config)
