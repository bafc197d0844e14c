"""`tallygate deadletters` over the state of an embedded system."""

import json
import threading
from pathlib import Path

from click.testing import CliRunner

from tallygate.infra.cli import main
from tallygate.schemas.topics import RESPONSES
from tallygate.stream_processors.embedded import EmbeddedRunner
from tests.stream_processors.embedded.stores import FileStore
from tests.support.outboxes import FilledOutbox


def told(directory: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of the command."""
    result = CliRunner().invoke(main, ["deadletters", *arguments], env={"TALLYGATE_DATA_DIR": str(directory)})
    return result.exit_code, result.output


def run(directory: Path, *payloads: bytes) -> str:
    """Take records that are no events; return the edge's id."""
    outbox = FilledOutbox(directory / "outbox")
    for payload in payloads:
        outbox.writer.append(RESPONSES.code, b"k", payload)
    runner = EmbeddedRunner(directory / "outbox", directory / "state.db", FileStore(directory / "store.db"))
    stop = threading.Event()
    stop.set()
    runner.run(stop)
    return outbox.writer.edge_id


def test_dead_letters_are_told_with_reason_and_origin(tmp_path: Path) -> None:
    edge_id = run(tmp_path, b"no json", b"{}")
    code, text = told(tmp_path)
    assert code == 0
    assert text.count(f"{edge_id}/") == 2
    assert "llm.responses/0/" in text
    assert "ResponseEvent" in text
    code, text = told(tmp_path, "--json", "--limit", "1")
    (line,) = text.splitlines()
    letter = json.loads(line)
    assert (code, letter["origin"]["edge_id"], letter["record"]) == (0, edge_id, "llm.deadletter")


def test_where_there_are_none_that_is_said(tmp_path: Path) -> None:
    run(tmp_path)
    code, text = told(tmp_path)
    assert (code, text.splitlines()[-1].strip()) == (0, "There are none.")


def test_without_accounts_it_says_what_to_do(tmp_path: Path) -> None:
    code, text = told(tmp_path / "nothing")
    assert code == 2
    assert "TALLYGATE_DATA_DIR" in text
