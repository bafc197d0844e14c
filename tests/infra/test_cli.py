"""The command as a user meets it: help, mistakes, ports, data directories."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from tallygate.infra import stack
from tallygate.infra.cli import main
from tallygate.runtime.config import ConfigError
from tests.support.wait import PATIENCE_S, eventually_sync

COMMANDS = (
    "up",
    "demo",
    "check",
    "edge",
    "worker",
    "budgets",
    "sink",
    "notify",
    "api",
    "replay",
    "audit",
    "deadletters",
    "simulator",
)
CONTROL = (
    *("keys", "providers", "projects", "aliases", "rules", "channels", "hooks", "prices", "deliveries"),
    *("users", "tokens", "admins"),
)
HIDDEN = ("edge-worker", "core", "shipper")
SERVING = ("up", "edge")


def tallygate(*arguments: str, cwd: Path | None = None, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TALLYGATE_")}
    return subprocess.run(
        [sys.executable, "-m", "tallygate.infra.cli", *arguments],
        env={**clean, **env},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that this process listens on."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_help_lists_what_a_user_starts() -> None:
    shown = tallygate("--help").stdout
    listed = {line.split()[0] for line in shown.splitlines() if line.startswith("  ") and line.strip()}
    assert {*COMMANDS, *CONTROL} <= listed
    assert not set(HIDDEN) & listed
    assert {*COMMANDS, *CONTROL, *HIDDEN} == set(main.commands)


@pytest.mark.parametrize("command", [*COMMANDS, *CONTROL, *HIDDEN])
def test_every_command_has_help(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: main {command}")


@pytest.mark.parametrize("command", ["up", "edge", "worker", "budgets", "sink", "api", "check", "demo"])
def test_mistakes_are_told_and_end_with_2(command: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "edge_prot: 1\nproviders: {openai: {api_key: sk-canary-1234567890, x: 1}}\n"
    )
    result = tallygate(command, cwd=tmp_path, TALLYGATE_CONFIG="bad.yaml", TALLYGATE_LOG_LEVEL="loud")
    assert result.returncode == 2
    assert "did you mean edge_port?" in result.stderr
    assert "log_level (TALLYGATE_LOG_LEVEL)" in result.stderr
    assert "Traceback" not in result.stderr
    assert "canary" not in result.stderr + result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.yaml"], "nothing was begun"


@pytest.mark.parametrize("command", SERVING)
def test_a_taken_port_is_told_before_anything_starts(command: str, tmp_path: Path, taken_port: int) -> None:
    result = tallygate(
        command,
        cwd=tmp_path,
        TALLYGATE_EDGE_PORT=str(taken_port),
        TALLYGATE_API_PORT=str(free_port()),
    )
    assert result.returncode == 2
    assert f"port {taken_port} of 127.0.0.1 is in use" in result.stderr
    assert "set TALLYGATE_EDGE_PORT" in result.stderr
    assert "started as process" not in result.stderr


def test_an_address_that_is_not_ours(tmp_path: Path) -> None:
    result = tallygate("up", cwd=tmp_path, TALLYGATE_API_HOST="192.0.2.1")
    assert result.returncode == 2
    assert "192.0.2.1" in result.stderr


def test_the_configuration_is_shown_without_secrets(tmp_path: Path, taken_port: int) -> None:
    result = tallygate(
        "up",
        cwd=tmp_path,
        TALLYGATE_EDGE_PORT=str(taken_port),
        TALLYGATE_EDGE_PROT="7",
        TALLYGATE_PROVIDERS__OPENAI__API_KEY="canary-key-value",
        TALLYGATE_PROVIDERS__OPENAI__BASE_URL="http://canary-user:canary-pass@127.0.0.1:1/v1",
    )
    assert f'"edge_port":{taken_port}' in result.stderr
    assert "ignored: TALLYGATE_EDGE_PROT" in result.stderr
    assert "canary" not in result.stderr


def test_a_data_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = tallygate("up", cwd=tmp_path, TALLYGATE_DATA_DIR=str(tmp_path / "file" / "data"))
    assert result.returncode == 2
    assert "TALLYGATE_DATA_DIR" in result.stderr


def test_a_data_directory_has_one_owner(tmp_path: Path) -> None:
    from tallygate.infra.stack import owned

    with owned(tmp_path), pytest.raises(ConfigError, match="in use by another"), owned(tmp_path):
        pytest.fail("entered twice")
    with owned(tmp_path):
        assert (tmp_path / "lock").exists()


def test_bad_options(tmp_path: Path) -> None:
    for arguments in (
        ("demo", "--rate", "0"),
        ("simulator", "--port", "99999"),
        ("check", "--mode", "x"),
        ("nope",),
    ):
        result = tallygate(*arguments, cwd=tmp_path)
        assert result.returncode == 2
        assert "Error" in result.stderr


def test_demo_wants_a_url(tmp_path: Path) -> None:
    result = tallygate("demo", "--gateway", "localhost:8080", cwd=tmp_path)
    assert result.returncode == 2
    assert "no http URL" in result.stderr


def test_the_simulator_as_a_process(tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tallygate.infra.cli", "simulator", "--port", str(port)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    eventually_sync(lambda: httpx2.get(f"{url}/healthz").status_code == 200)
    answer = httpx2.post(
        f"{url}/v1/chat/completions",
        json={"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]},
        headers={"authorization": "Bearer sk-x"},
    )
    assert answer.json()["usage"]["prompt_tokens"] == 4
    second = tallygate("simulator", "--port", str(port))
    assert second.returncode == 2
    assert "in use" in second.stderr
    process.terminate()
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert f"ready at {url}" in output


@pytest.mark.parametrize("command", ["worker", "budgets", "sink", "shipper", "api"])
def test_what_waits_for_a_service_stops_when_asked(command: str, tmp_path: Path) -> None:
    nowhere = str(free_port())
    settings = {
        "TALLYGATE_DATA_DIR": str(tmp_path / "data"),
        "TALLYGATE_API_PORT": str(free_port()),
        "TALLYGATE_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{nowhere}",
        "TALLYGATE_CLICKHOUSE__PORT": nowhere,
    }
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tallygate.infra.cli", command],
            env={**os.environ, **settings},
            stdout=output,
            stderr=output,
        )
    # Each tells that it will try again, or that it serves.
    eventually_sync(lambda: re.search(r"; again in|API and pages", log.read_text()))
    assert process.poll() is None, log.read_text()
    process.terminate()
    assert process.wait(timeout=PATIENCE_S) == 0, log.read_text()
    assert "Traceback" not in log.read_text()


def test_demo_fills_a_directory_and_refuses_one_in_use(tmp_path: Path) -> None:
    filled = tallygate("demo", "--calls", "50", "--data-dir", str(tmp_path / "demo"))
    assert filled.returncode == 0, filled.stderr
    assert "50 calls in" in filled.stdout
    with stack.owned(tmp_path / "demo"):
        refused = tallygate("demo", "--calls", "50", "--data-dir", str(tmp_path / "demo"))
    assert refused.returncode == 2
    assert "in use by another tallygate" in refused.stderr


@pytest.mark.parametrize("option", [("--gateway", "http://127.0.0.1:9"), ("--duration", "3")])
def test_demo_calls_goes_with_no_traffic(option: tuple[str, str], tmp_path: Path) -> None:
    refused = tallygate("demo", "--calls", "50", "--data-dir", str(tmp_path), *option)
    assert refused.returncode == 2
    assert "--calls" in refused.stderr
