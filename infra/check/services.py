"""Whether the services of the distributed run can be reached and fit."""

import asyncio

from tallygate.infra.check.findings import Finding, failed, note, ok
from tallygate.runtime.config import Settings

ANSWER_S = 15.0


async def kafka(settings: Settings) -> Finding:
    """Whether the brokers answer, and the topics have the wanted number of partitions."""
    from tallygate.runtime.kafka import KafkaUnavailableError

    servers = settings.kafka.bootstrap_servers
    try:
        async with asyncio.timeout(ANSWER_S):
            partitions = await _partitions(settings)
    except KafkaUnavailableError as error:
        return failed("kafka", f"{servers} can't be reached: {error}")
    except TimeoutError:
        return failed("kafka", f"{servers}: no answer within {ANSWER_S:.0f} s")
    wanted = settings.kafka.partitions
    wrong = [f"{name} has {count}" for name, count in partitions.items() if count not in (0, wanted)]
    if wrong:
        return failed("kafka", f"kafka.partitions is {wanted}, but {', '.join(wrong)}")
    missing = [name for name, count in partitions.items() if count == 0]
    if missing:
        return note("kafka", f"{servers} reached; to be created at the first start: {', '.join(missing)}")
    return ok("kafka", f"{servers} reached; {len(partitions)} topics of {wanted} partitions")


async def _partitions(settings: Settings) -> dict[str, int]:
    """Number of partitions by topic, 0 for one that is not there."""
    from aiokafka.admin import AIOKafkaAdminClient

    from tallygate.runtime.kafka import client_options, mapped_errors
    from tallygate.schemas.topics import TOPICS

    names = [topic.name for topic in TOPICS]
    with mapped_errors("check"):
        admin = AIOKafkaAdminClient(**client_options(settings.kafka))
        try:
            await admin.start()
            present = set(await admin.list_topics()) & set(names)
            described = await admin.describe_topics(sorted(present)) if present else []
        finally:
            await admin.close()
    counts = {str(found["topic"]): len(found["partitions"]) for found in described}
    return {name: counts.get(name, 0) for name in names}


async def clickhouse(settings: Settings) -> Finding:
    """Whether the server lets us in."""
    target = settings.clickhouse
    address = f"{target.host}:{target.port}"
    try:
        version = await asyncio.to_thread(_clickhouse_version, settings)
    except OSError as error:
        return failed("clickhouse", f"{address}: {error}")
    return ok("clickhouse", f"{address} reached; version {version}, database {target.database}")


def _clickhouse_version(settings: Settings) -> str:
    """Ask for the version.

    Raises:
        OSError: with a reason for people.
    """
    from tallygate.runtime.clickhouse import ClickHouseError, ServerTarget, connect

    try:
        # The database may not exist before the first start.
        session = connect(ServerTarget(settings.clickhouse), database="default")
        try:
            return str(session.rows("SELECT version()")[0][0])
        finally:
            session.close()
    except ClickHouseError as error:
        raise OSError(str(error)) from error
