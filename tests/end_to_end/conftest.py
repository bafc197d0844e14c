"""One simulator for a module's tests, and a system in front of it."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tallygate.infra.kafka.dev_broker import free_port
from tests.end_to_end.stack import Gateway, command, wait_ready


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A provider simulator; its base address."""
    port = free_port()
    log = tmp_path_factory.mktemp("simulator") / "log"
    process = command("simulator", "--port", str(port), env={}, log=log)
    yield f"http://127.0.0.1:{port}"
    process.stop()


def edge_env(simulator: str, data: Path, edge_port: int, api_port: int) -> dict[str, str]:
    """Settings of a system whose providers are all the simulator."""
    return {
        "TALLYGATE_DATA_DIR": str(data),
        "TALLYGATE_EDGE_PORT": str(edge_port),
        "TALLYGATE_API_PORT": str(api_port),
        "TALLYGATE_EDGE_WORKERS": "2",
        "TALLYGATE_PROVIDERS__OPENAI__BASE_URL": f"{simulator}/v1",
        "TALLYGATE_PROVIDERS__ANTHROPIC__BASE_URL": simulator,
        "TALLYGATE_PROVIDERS__GOOGLE__BASE_URL": simulator,
    }


class Embedded:
    """`tallygate up` on a data directory, which outlives it."""

    def __init__(self, simulator: str, directory: Path, **settings: str) -> None:
        self.data = directory / "data"
        self.log = directory / "log"
        self._ports = (free_port(), free_port())
        self.env = edge_env(simulator, self.data, *self._ports) | settings
        self.gateway = Gateway(*self._ports)
        self.start()

    def start(self) -> float:
        """Start it and wait until it is ready; return the seconds."""
        self.process = command("up", env=self.env, log=self.log)
        return wait_ready(self.gateway, self.process)


@pytest.fixture(scope="module")
def embedded(simulator: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """An embedded system for a module's tests."""
    system = Embedded(simulator, tmp_path_factory.mktemp("embedded"))
    with ExitStack() as stack:
        # Killed, should the test leave it running.
        stack.callback(lambda: system.process.__exit__(None, None, None))
        yield system
        assert system.process.stop() == 0, system.process.tail()
