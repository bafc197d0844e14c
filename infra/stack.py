"""The processes of each way to run, and running them until they are told to stop."""

import asyncio
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tallygate.infra import ports, readiness
from tallygate.infra.process import StopSignals
from tallygate.infra.supervisor import ChildSpec, Supervisor
from tallygate.runtime.config import ConfigError, Settings
from tallygate.runtime.tasks import spawn

EDGE, BEHIND = 0, 1


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that the processes will listen on."""

    purpose: str
    host: str
    port: int
    variable: str
    """The setting that moves it."""


def edge_endpoint(settings: Settings) -> Endpoint:
    """The gateway's address."""
    return Endpoint("gateway", settings.edge_host, settings.edge_port, "TALLYGATE_EDGE_PORT")


def api_endpoint(settings: Settings) -> Endpoint:
    """The address of the API and the pages."""
    return Endpoint("API", settings.api_host, settings.api_port, "TALLYGATE_API_PORT")


def embedded(settings: Settings) -> tuple[list[ChildSpec], list[Endpoint]]:
    """Everything on one machine."""
    # The core takes longest to start, and so begins.
    children = [ChildSpec("core", ("core",), BEHIND), *_edges(settings)]
    return children, [edge_endpoint(settings), api_endpoint(settings)]


def edge(settings: Settings) -> tuple[list[ChildSpec], list[Endpoint]]:
    """A gateway machine of the distributed run."""
    edges = _edges(settings, settings.kafka.partitions)
    return [*edges, ChildSpec("shipper", ("shipper",), BEHIND)], [edge_endpoint(settings)]


def _edges(settings: Settings, partitions: int = 1) -> list[ChildSpec]:
    """The edge workers, which have to know the event log's partitions; the embedded one has one."""
    return [
        ChildSpec(
            f"edge-{index}",
            ("edge-worker", "--index", str(index), "--partitions", str(partitions)),
            EDGE,
            late=index > 0,
        )
        for index in range(settings.edge_workers)
    ]


class OwnedError(ConfigError):
    """Another tallygate is at work on the data directory."""


@contextmanager
def owned(data_dir: Path) -> Iterator[None]:
    """Hold the data directory.

    Raises:
        OwnedError: another supervisor holds it.
        ConfigError: it can't be written.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        fd = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"data_dir (TALLYGATE_DATA_DIR): {data_dir}: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        message = f"data_dir (TALLYGATE_DATA_DIR): {data_dir} is in use by another tallygate"
        raise OwnedError(message) from error
    finally:
        os.close(fd)


async def supervise(
    children: Sequence[ChildSpec],
    endpoints: Sequence[Endpoint],
    on_ready: Callable[[float], None],
    signals: StopSignals | None = None,
) -> int:
    """Run the processes until a signal; return the exit code.

    Args:
        on_ready: called with the seconds it took until every endpoint was ready.
        signals: for a caller that wants to stop them itself.

    Raises:
        PortError: an endpoint is taken; nothing was started.
    """
    begun = time.monotonic()
    for endpoint in endpoints:
        ports.ensure_free(endpoint.host, endpoint.port, endpoint.purpose, endpoint.variable)
    supervisor = Supervisor(children)

    async def announce() -> None:
        waits = [readiness.wait_ready(e.host, e.port, unless=lambda: supervisor.stopping) for e in endpoints]
        if all(await asyncio.gather(*waits)):
            supervisor.ready.set()
            on_ready(time.monotonic() - begun)

    announcing = spawn(announce(), name="announce")
    try:
        return await supervisor.run(signals or StopSignals.listening())
    finally:
        announcing.cancel()
