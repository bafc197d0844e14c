"""Edges, real Kafka, Faust, the sink and ClickHouse's engine over HTTP, each killed under load."""

import asyncio
import base64
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tallygate.infra.kafka.dev_broker import DevBroker, free_port
from tallygate.runtime.tasks import spawn
from tests.end_to_end.accounts import assert_accounts_equal
from tests.end_to_end.conftest import edge_env
from tests.end_to_end.stack import Gateway, command, wait_ready
from tests.end_to_end.test_budgets import alerts, create_rule, seconds_until_refused, status
from tests.support.distributed_system import ClickHouse
from tests.support.kafka_broker import running_broker
from tests.support.load import Load, Received
from tests.support.processes import Started
from tests.support.wait import eventually_sync

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

CALLS = 2000
PER_SECOND = 200.0


class Distributed:
    """Every process of the distributed run; each can be killed and started again."""

    COMMANDS = ("edge", "worker", "budgets", "sink", "api")

    def __init__(self, simulator: str, broker: DevBroker, clickhouse: ClickHouse, directory: Path) -> None:
        ports = (free_port(), free_port())
        self._directory = directory
        self.env = edge_env(simulator, directory / "data", *ports) | {
            "TALLYGATE_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "TALLYGATE_CLICKHOUSE__PORT": str(clickhouse.config.port),
            # All of one machine here; of several it would be PostgreSQL.
            "TALLYGATE_CONTROL__DSN": f"sqlite:///{directory / 'control.db'}",
            "TALLYGATE_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
        }
        self.broker = broker
        self.gateway = Gateway(*ports)
        self.commands: dict[str, Started] = {}
        for name in self.COMMANDS:
            self.start(name)
        wait_ready(self.gateway, self.commands["api"])

    def start(self, name: str) -> None:
        """Start one command."""
        env = self.env | {"TALLYGATE_DATA_DIR": str(self._directory / name)}
        self.commands[name] = command(name, env=env, log=self._directory / f"{name}.log")

    def kill_and_restart(self, name: str) -> None:
        """`kill -9` one command and start it again."""
        self.commands[name].kill()
        self.start(name)

    def audit(self) -> Started:
        """`tallygate audit`."""
        env = self.env | {"TALLYGATE_DATA_DIR": str(self._directory / "audit")}
        return command("audit", "--mode", "distributed", env=env, log=self._directory / "audit.log")

    def stop(self) -> dict[str, int]:
        """SIGTERM to all; exit codes by name."""
        return {name: process.stop() for name, process in self.commands.items()}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevBroker]:
    """A real Kafka of one node."""
    with running_broker(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """ClickHouse's engine behind HTTP."""
    server = ClickHouse(tmp_path_factory.mktemp("clickhouse"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def outage_s() -> float:
    """How long Kafka is away. The environment may ask for the long form."""
    return float(os.environ.get("TALLYGATE_TEST_OUTAGE_S", "10"))


@pytest.fixture(scope="module")
def system(
    simulator: str, broker: DevBroker, clickhouse: ClickHouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Distributed]:
    """The running system."""
    running = Distributed(simulator, broker, clickhouse, tmp_path_factory.mktemp("distributed"))
    yield running
    assert set(running.stop().values()) == {0}


async def load_with(system: Distributed, disturb: Callable[[], Awaitable[None]]) -> Received:
    """Run the load and, in the middle of it, disturb something."""
    load = spawn(Load(system.gateway.url, CALLS, PER_SECOND).run(), name="load")
    await asyncio.sleep(CALLS / PER_SECOND / 2)
    await disturb()
    received = await load
    assert received.failed == {}, "nothing behind the outbox is on a call's way"
    return received


@pytest.mark.parametrize("victim", ["worker", "sink"])
async def test_a_consumer_is_killed(system: Distributed, victim: str) -> None:
    async def kill() -> None:
        await asyncio.to_thread(system.kill_and_restart, victim)

    received = await load_with(system, kill)
    await assert_accounts_equal(system.gateway, received)


async def test_the_broker_is_killed(system: Distributed) -> None:
    async def kill() -> None:
        await asyncio.to_thread(system.broker.kill)
        await asyncio.to_thread(system.broker.start)

    received = await load_with(system, kill)
    await assert_accounts_equal(system.gateway, received)


async def test_the_broker_is_away_for_a_while(system: Distributed, outage_s: float) -> None:
    load = spawn(Load(system.gateway.url, int(outage_s * 50) + 200, 50.0).run(), name="load")
    await asyncio.sleep(1.0)
    await asyncio.to_thread(system.broker.stop)
    await asyncio.sleep(outage_s)
    await asyncio.to_thread(system.broker.start)
    received = await load
    assert received.failed == {}
    await assert_accounts_equal(system.gateway, received)


def test_a_budget_blocks_within_a_second_and_is_told_once_though_its_keeper_is_killed(
    system: Distributed,
) -> None:
    """The way of a crossing: edge, outbox, Kafka, worker, budgets, Kafka, shipper, edge."""
    options = ["--metric", "requests", "--limit", "5", "--window", "month", "--group-by", "user"]
    rule = create_rule(system.env, "Five calls", *options, "--action", "block")
    url = system.gateway.url

    def crossed(user: str) -> float:
        # Not one of the users of the load: their calls of this month count from the start.
        assert [status(url, user) for _ in range(5)] == [200] * 5
        return seconds_until_refused(url, user, within_s=60.0)

    crossed("first")  # the rule has come to everybody
    took = sorted(crossed(f"new-{number}") for number in range(10))
    print("seconds until 402:", " ".join(f"{each:.2f}" for each in took))
    assert took[0] < 1.0  # the way's length; on a busy machine the others say how busy it is
    assert [status(url, "last") for _ in range(4)] == [200] * 4
    system.kill_and_restart("budgets")
    assert status(url, "last") == 200
    seconds_until_refused(url, "last", within_s=60.0)
    system.kill_and_restart("edge")
    eventually_sync(system.gateway.ready)
    assert status(url, "last") == 402
    users = ["first", *(f"new-{number}" for number in range(10)), "last"]
    expected = sorted([user, "firing", 100] for user in users)

    def told() -> list[list[object]]:
        """Of these users; those of the load have crossed it, too, before the rule was there."""
        return sorted(alert for alert in alerts(system, rule) if alert[0] in users)

    eventually_sync(lambda: told() == expected)


def test_the_books_agree(system: Distributed) -> None:
    """After all that: log, totals and store, compared by the command."""
    audit = system.audit()
    assert audit.wait(within_s=120) == 0, audit.tail()
    assert "Event log, running totals and store agree." in audit.tail()
