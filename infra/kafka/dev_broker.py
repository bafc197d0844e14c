"""A one-node Kafka for development and tests. Run: `python -m tallygate.infra.kafka.dev_broker`.

It listens on the loopback interface only and creates no topic by itself. Anybody may use it, unless it is
given users and certificates.
"""

import argparse
import base64
import signal
import socket
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import Self

from tallygate.infra.kafka import jars
from tallygate.infra.kafka.jars import BrokerUnavailableError
from tallygate.infra.kafka.security import BrokerSecurity
from tallygate.runtime.deadline import Deadline

HOST = "127.0.0.1"
READY_LINE = "Kafka Server started"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0

SERVER_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners={protocol}://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners={protocol}://{host}:{port}
controller.listener.names=CONTROLLER
log.dirs={log_dir}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
# One client at a time joins a group here: waiting for more would only delay every start.
group.initial.rebalance.delay.ms=0
# After a kill the next start waits until the controller has forgotten the last one: 15 s by default.
broker.heartbeat.interval.ms=300
broker.session.timeout.ms=1500
# Below Kafka's default of 6 s, so that tests can see a takeover soon.
group.min.session.timeout.ms=1000
{more}
"""

JAVA_OPTIONS = (
    "-Xms128m",
    "-Xmx512m",
    # A short-lived broker beside its clients: start soon and leave them the cores.
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)


def available() -> str | None:
    """None if a broker can be run here (its jars are fetched if need be), else the reason why not."""
    try:
        jars.ensure()
    except BrokerUnavailableError as error:
        return str(error)
    return None


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class DevBroker:
    """A broker process on a directory. It can be stopped or killed, and started again with its data."""

    def __init__(
        self, directory: Path, port: int | None = None, security: BrokerSecurity | None = None
    ) -> None:
        self.directory = directory
        self._security = security
        self.port = port or free_port()
        self._controller_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Address for clients."""
        return f"{HOST}:{self.port}"

    @property
    def log_file(self) -> Path:
        """What the broker printed since its last start."""
        return self.directory / "broker.log"

    @property
    def running(self) -> bool:
        """Whether it was started, and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self, within_s: float = START_TIMEOUT_S) -> None:
        """Start, and wait until clients are served.

        Raises:
            BrokerUnavailableError: no Java or no jars, or the broker did not come up.
        """
        lib = jars.ensure()
        self.directory.mkdir(parents=True, exist_ok=True)
        config = self._write_config()
        if not (self.directory / "log" / "meta.properties").is_file():
            self._format(lib, config)
        with self.log_file.open("wb") as output:
            self._process = subprocess.Popen(
                ["java", *JAVA_OPTIONS, "-cp", f"{lib}/*", "kafka.Kafka", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_ready(Deadline.after(within_s))

    def stop(self, within_s: float = STOP_TIMEOUT_S) -> None:
        """Stop in order; kill if that takes too long."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """End as if by a crash (SIGKILL)."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _write_config(self) -> Path:
        path = self.directory / "server.properties"
        log_dir = self.directory.resolve() / "log"
        values = {
            "host": HOST,
            "port": self.port,
            "controller_port": self._controller_port,
            "protocol": "SASL_SSL" if self._security else "PLAINTEXT",
            "more": self._security.properties() if self._security else "",
        }
        path.write_text(SERVER_PROPERTIES.format(log_dir=log_dir, **values))
        return path

    def _format(self, lib: Path, config: Path) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{lib}/*", "kafka.tools.StorageTool"]
        users = self._security.format_options() if self._security else []
        command = [*tool, "format", "-t", cluster_id, "-c", str(config), *users]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise BrokerUnavailableError(f"formatting Kafka's storage failed: {done.stderr.strip()[-500:]}")

    def _wait_ready(self, deadline: Deadline) -> None:
        pause = threading.Event()
        while READY_LINE not in (printed := self.log_file.read_text(errors="replace")):
            if self._process is None or self._process.poll() is not None:
                raise BrokerUnavailableError(f"Kafka ended while starting: {printed[-1000:]}")
            if deadline.expired():
                self.kill()
                raise BrokerUnavailableError(f"Kafka was not ready in time: {printed[-1000:]}")
            pause.wait(0.05)


def main() -> int:
    """Run a broker in the foreground until it is told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9092)
    parser.add_argument("--directory", type=Path, default=Path("data/kafka"))
    options = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        with DevBroker(options.directory, options.port) as broker:
            sys.stdout.write(f"Kafka is ready on {broker.bootstrap_servers}; Ctrl-C stops it.\n")
            sys.stdout.flush()
            stopped.wait()
    except BrokerUnavailableError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
