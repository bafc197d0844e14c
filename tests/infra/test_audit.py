"""`tallygate audit`, over a system that runs and over one that does not."""

import subprocess
from pathlib import Path

import httpx2
import pytest

from tests.end_to_end.conftest import Embedded
from tests.infra.test_cli import tallygate
from tests.support.wait import eventually_sync


@pytest.mark.timeout(180)
def test_a_running_system_is_asked_and_a_stopped_one_is_opened(tmp_path: Path) -> None:
    system = Embedded("http://127.0.0.1:9", tmp_path)
    port = system.gateway.api.rpartition(":")[2]

    def audited() -> "subprocess.CompletedProcess[str]":
        return tallygate("audit", TALLYGATE_DATA_DIR=str(system.data), TALLYGATE_API_PORT=port)

    with system.process:
        # No provider is there: the call is recorded all the same.
        body = {"model": "gpt-4o", "messages": []}
        answer = httpx2.post(f"{system.gateway.url}/v1/chat/completions", json=body, timeout=30)
        assert answer.status_code == 502

        def counted() -> bool:
            return "1 calls counted and stored" in audited().stdout

        eventually_sync(counted, within_s=60)
        running = audited()
        assert (running.returncode, running.stderr) == (0, "")
        assert "Event log, running totals and store agree." in running.stdout
        metrics = httpx2.get(f"{system.gateway.api}/metrics", timeout=10).text
        assert "tallygate_audit_differences 0.0" in metrics
        assert "tallygate_audit_timestamp_seconds " in metrics
        assert system.process.stop(within_s=20) == 0
    stopped = audited()
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert stopped.stdout == running.stdout


def test_nothing_to_audit(tmp_path: Path) -> None:
    refused = tallygate("audit", TALLYGATE_DATA_DIR=str(tmp_path / "data"))
    assert refused.returncode == 2
    assert "holds no accounts yet" in refused.stderr


def test_kafka_that_is_away(tmp_path: Path) -> None:
    refused = tallygate(
        "audit",
        "--mode",
        "distributed",
        TALLYGATE_DATA_DIR=str(tmp_path / "data"),
        TALLYGATE_KAFKA__BOOTSTRAP_SERVERS="127.0.0.1:9",
    )
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert refused.stderr.splitlines()[-1].startswith("tallygate: reading: KafkaConnectionError")
