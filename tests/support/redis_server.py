"""A real Redis on a socket file of its own, for the tests of what is shared by machines."""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.wait import eventually_sync


@contextmanager
def redis_server() -> Iterator[str]:
    """Start Redis and give its URL; skip the test where there is none (Debian: `redis-server`)."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not installed: what is shared through Redis is NOT tested")
    # A socket's path is limited to 108 characters, which pytest's own directories may exceed.
    with tempfile.TemporaryDirectory(prefix="tg-redis-") as directory:
        path = Path(directory) / "redis.sock"
        options = ["--port", "0", "--unixsocket", str(path), "--save", "", "--dir", directory]
        process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            eventually_sync(lambda: _answers(path))
            yield f"unix://{path}"
        finally:
            process.kill()
            process.wait()


def _answers(path: Path) -> bool:
    """Whether it takes connections: its socket's file is there a moment before."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    return True
