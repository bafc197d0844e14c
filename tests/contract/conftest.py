"""The whole system with two workers, a tap, and the simulator behind it; the packages from npm."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tallygate.infra.kafka.dev_broker import free_port
from tests.contract.tap import Tap
from tests.end_to_end.conftest import edge_env
from tests.end_to_end.stack import Gateway, command, wait_ready
from tests.support.processes import Started
from tests.support.wait import eventually_sync

NODE = Path(__file__).parent / "node"
OLDEST_NODE = 20
KEYS = {
    "OPENAI_API_KEY": "sk-openai",
    "ANTHROPIC_API_KEY": "sk-anthropic",
    "GEMINI_API_KEY": "sk-google",
}
COLUMNS = (
    "outcome, status, model, provider, input_tokens, output_tokens, cost_nanos, attempts, user_id, properties"
)


class System:
    """`tallygate up` before a tap before a provider."""

    def __init__(self, upstream: str, directory: Path) -> None:
        self.tap = Tap(upstream)
        ports = (free_port(), free_port())
        env = edge_env(self.tap.url, directory / "data", *ports) | KEYS
        self.gateway = Gateway(*ports)
        self.process = command("up", env=env, log=directory / "log")
        self.startup_s = wait_ready(self.gateway, self.process)

    def rows(self, request_id: str) -> list[dict[str, Any]]:
        """What is stored of a call, waiting until it is."""
        query = f"SELECT {COLUMNS} FROM calls WHERE request_id = {{id:String}}"
        rows = eventually_sync(lambda: self.gateway.sql(query, id=request_id))
        return [dict(zip(COLUMNS.split(", "), row, strict=True)) for row in rows]

    def row(self, request_id: str) -> dict[str, Any]:
        """What is stored of a call, once."""
        [row] = self.rows(request_id)
        return row


@contextmanager
def system_before(upstream: str, directory: Path) -> Iterator[System]:
    """A system, stopped in order at the end."""
    with ExitStack() as stack:
        system = System(upstream, directory)
        stack.callback(system.tap.close)
        # Killed, should the test leave it running.
        stack.callback(lambda: system.process.__exit__(None, None, None))
        yield system
        assert system.process.stop() == 0, system.process.tail()


def answers(url: str, process: Started) -> bool:
    """Whether a process answers at an address; that it has ended is an error."""
    assert process.exit_code is None, process.tail()
    try:
        return bool(httpx2.get(url, timeout=2).status_code)
    except httpx2.HTTPError:
        return False


@pytest.fixture(scope="package")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A provider simulator; its base address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with command(
        "simulator", "--port", str(port), env={}, log=tmp_path_factory.mktemp("sim") / "log"
    ) as process:
        eventually_sync(lambda: answers(f"{url}/readyz", process))
        yield url
        process.stop()


@pytest.fixture(scope="package")
def system(simulator: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system before the simulator."""
    with system_before(simulator, tmp_path_factory.mktemp("contract")) as running:
        yield running


@pytest.fixture(scope="package")
def node_packages() -> Path:
    """A folder with the packages of `node/package-lock.json` and the scripts; kept between runs."""
    if reason := _why_no_node():
        pytest.skip(reason)
    lock = (NODE / "package-lock.json").read_bytes()
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "tallygate" / f"npm-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not (folder / "node_modules" / ".package-lock.json").exists():
        _install(folder)
    return folder


@pytest.fixture(scope="package")
def run_node(node_packages: Path) -> Callable[..., str]:
    """Run a script of `node/` and return what it printed."""

    def run(script: str, **env: str) -> str:
        shutil.copy(NODE / script, node_packages / script)
        done = subprocess.run(
            ["node", script],
            cwd=node_packages,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def _install(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(NODE / name, folder / name)
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    done = subprocess.run(
        ["npm", "ci", *options], cwd=folder, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr


def _why_no_node() -> str | None:
    if not (shutil.which("node") and shutil.which("npm")):
        return "node and npm are missing (Debian: apt-get install nodejs npm)"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < OLDEST_NODE:
        return f"node {version.strip()} is too old; {OLDEST_NODE} is needed"
    return None
