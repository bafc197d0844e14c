"""The whole pipeline against a broker that asks for TLS, a password and access rules."""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import SecretStr

from tallygate.edge.budget.gate import Blocked, BudgetCall, MemoryBudgetGate
from tallygate.edge.budget.state_file import BudgetFile
from tallygate.edge.shipper.budgets import BudgetFollower
from tallygate.infra.kafka import acls, jars
from tallygate.infra.kafka.dev_broker import DevBroker
from tallygate.infra.kafka.security import ADMIN, MECHANISM, BrokerSecurity
from tallygate.runtime.config import KafkaConfig, Settings
from tallygate.runtime.kafka import KafkaUnavailableError, ensure_topics
from tallygate.runtime.messages import Message, Place
from tallygate.runtime.publisher import Publisher
from tallygate.runtime.tasks import spawn
from tests.distributed.keeper_process import LIMIT
from tests.distributed.test_budget_keeper import keeping, sums_of, until_percents
from tests.distributed.test_worker import SHIPPER, WORKER, assert_totals, start
from tests.support.factories import response_event
from tests.support.outboxes import FilledOutbox
from tests.support.wait import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

USERS = {"edge": "edge-1", "worker": "worker-1", "budgets": "budgets-1", "sink": "sink-1"}
PASSWORDS = {ADMIN: "admin-secret", **{user: f"secret of {user}" for user in USERS.values()}}


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ca") / "ca.pem"


@pytest.fixture(scope="module")
def broker(ca_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevBroker]:
    directory = tmp_path_factory.mktemp("secured")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    keystore = directory / "broker.pem"
    write_keystore(authority.issue_cert("127.0.0.1", "localhost"), keystore)
    users = {user: PASSWORDS[user] for user in USERS.values()}
    security = BrokerSecurity(ca_file, keystore, PASSWORDS[ADMIN], users)
    with DevBroker(directory / "broker", security=security) as running:
        add_rules(running, directory, ca_file)
        asyncio.run(ensure_topics(config_of(running, ca_file, ADMIN)))
        yield running


def write_keystore(certificate: trustme.LeafCert, path: Path) -> None:
    """Kafka reads keys in PKCS #8 only."""
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(encoded + b"".join(blob.bytes() for blob in certificate.cert_chain_pems))


def add_rules(broker: DevBroker, directory: Path, ca_file: Path) -> None:
    client = directory / "admin.properties"
    login = f'username="{ADMIN}" password="{PASSWORDS[ADMIN]}"'
    client.write_text(
        f"security.protocol=SASL_SSL\nsasl.mechanism={MECHANISM}\n"
        f"sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required {login};\n"
        f"ssl.truststore.type=PEM\nssl.truststore.location={ca_file}\n"
    )
    tool = ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{jars.ensure()}/*", "kafka.admin.AclCommand"]
    connection = ["--bootstrap-server", broker.bootstrap_servers, "--command-config", str(client)]
    running = [
        subprocess.Popen([*tool, *connection, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for arguments in acls.commands(USERS)
    ]
    for process in running:
        printed, _ = process.communicate(timeout=90)
        assert process.returncode == 0, printed.decode()


def config_of(broker: DevBroker, ca_file: Path, user: str, password: str | None = None) -> KafkaConfig:
    return KafkaConfig(
        bootstrap_servers=broker.bootstrap_servers,
        partitions=3,
        session_timeout_ms=3000,
        security_protocol="SASL_SSL",
        sasl_username=user,
        sasl_password=SecretStr(PASSWORDS[user] if password is None else password),
        ssl_ca_file=ca_file,
    )


async def test_each_process_does_its_work_with_its_own_rights(
    broker: DevBroker, ca_file: Path, tmp_path: Path
) -> None:
    def settings(user: str) -> Settings:
        return Settings(data_dir=tmp_path / "data", kafka=config_of(broker, ca_file, user))

    outbox = FilledOutbox(settings(ADMIN).outbox_dir)
    outbox.add_all(response_event() for _ in range(100))
    with (
        start(settings(USERS["edge"]), SHIPPER, "shipper"),
        start(settings(USERS["worker"]), WORKER, "worker") as worker,
    ):
        await assert_totals(settings(ADMIN), outbox)
        assert worker.stop() == 0


async def test_budgets_go_their_way_with_their_own_rights(
    broker: DevBroker, ca_file: Path, tmp_path: Path
) -> None:
    """Sums by a worker's user, evaluated by that of budgets, followed by an edge's."""
    configs = {role: config_of(broker, ca_file, user) for role, user in USERS.items()}
    path, gate = tmp_path / "budgets.json", MemoryBudgetGate()
    watched = BudgetFile(path, gate)
    following = spawn(BudgetFollower(configs["edge"], path).run(), name="follower")

    def blocks() -> bool:
        watched.look()
        return isinstance(gate.check(BudgetCall("default"), time.time_ns() // 1000), Blocked)

    async with sums_of(configs["worker"]) as publish, keeping(configs["budgets"]):
        await publish(LIMIT)
        await until_percents(config_of(broker, ca_file, ADMIN), [50, 100])
        await eventually(blocks)
    following.cancel()
    await asyncio.wait([following])


async def test_an_edge_can_write_no_priced_calls(broker: DevBroker, ca_file: Path) -> None:
    publisher = Publisher(config_of(broker, ca_file, USERS["edge"]), client_id="test")
    with pytest.raises(KafkaUnavailableError, match=r"(?i)authoriz"):
        await publisher.publish({Place("llm.calls", 0): [Message(None, b"{}")]})
    await publisher.close()


async def test_a_wrong_password_is_refused_and_logged_without_it(
    broker: DevBroker, ca_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(KafkaUnavailableError):
        await ensure_topics(config_of(broker, ca_file, USERS["edge"], "wrong-secret"))
    assert "SaslAuthenticationFailed" in caplog.text
    assert "wrong-secret" not in caplog.text


async def test_a_broker_that_another_authority_signed_is_refused(broker: DevBroker, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    with pytest.raises(KafkaUnavailableError):
        await ensure_topics(config_of(broker, other, ADMIN))
