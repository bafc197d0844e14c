"""What this machine must offer: a writable data directory, ports, and for the embedded run the engine."""

import importlib.metadata
import os
import shutil
from pathlib import Path

from tallygate.infra import ports, readiness
from tallygate.infra.check.findings import Finding, failed, note, ok
from tallygate.infra.stack import Endpoint
from tallygate.runtime.config import Settings

GIB = 1 << 30


def data_directory(settings: Settings) -> Finding:
    """Whether the data directory can be written, and holds the outbox's quota."""
    directory = settings.data_dir
    probe = directory / f".check-{os.getpid()}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"check")
        probe.unlink()
    except OSError as error:
        return failed("data directory", f"{directory} can't be written: {error.strerror}")
    free = shutil.disk_usage(directory).free
    text = f"{directory.resolve()}, {free / GIB:.1f} GiB free"
    quota = settings.outbox.quota_bytes * settings.edge_workers
    if free < quota:
        return note(
            "data directory", f"{text}; outbox.quota_bytes lets the outboxes grow to {quota / GIB:.1f} GiB"
        )
    return ok("data directory", text)


async def port(endpoint: Endpoint) -> Finding:
    """Whether an address is free, or already served by us."""
    address = f"{endpoint.host}:{endpoint.port}"
    subject = f"port {endpoint.port}"
    try:
        ports.ensure_free(endpoint.host, endpoint.port, endpoint.purpose, endpoint.variable)
    except ports.PortError as error:
        if await readiness.answers(endpoint.host, endpoint.port, "/readyz") == 200:
            return ok(subject, f"{endpoint.purpose} is running on {address}")
        return failed(subject, error.strerror or str(error))
    return ok(subject, f"free for the {endpoint.purpose} on {endpoint.host}")


def engine() -> Finding:
    """Whether ClickHouse's engine for the embedded run is installed."""
    try:
        version = importlib.metadata.version("chdb-core")
    except importlib.metadata.PackageNotFoundError:
        return failed("chdb", "chdb-core is not installed: pip install 'tallygate[embedded]'")
    return ok("chdb", f"ClickHouse's engine, {version}")


def config_file(path: Path | None) -> Finding:
    """Where the settings come from."""
    return ok("configuration", f"{path} and the environment" if path else "the environment and defaults")
