"""`tallygate replay` as a user meets it, over a data directory that a gateway has left."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tallygate.infra import stack
from tests.infra.test_cli import tallygate
from tests.support.factories import request_event, response_event
from tests.support.outboxes import FilledOutbox

LOCAL = {"TALLYGATE_DATA_DIR": "data"}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A gateway's data, whose core has not read anything yet."""
    outbox = FilledOutbox(tmp_path / "data" / "outbox")
    for _ in range(5):
        outbox.add_all([request_event(), response_event(provider="openai", model="gpt-4o-mini")])
    outbox.close()
    return tmp_path


def test_tables_are_rebuilt_and_calls_restated(data_dir: Path) -> None:
    dry = tallygate("replay", "--dry-run", cwd=data_dir, **LOCAL)
    assert dry.returncode == 0, dry.stderr
    assert "5 calls and 5 requests in the log, 0 bad records" in dry.stdout
    assert "openai/gpt-4o-mini" in dry.stdout
    assert "Nothing was changed." in dry.stdout
    first = tallygate("replay", cwd=data_dir, **LOCAL)
    assert "The tables now hold what the log says." in first.stdout
    assert "There are no running totals." in first.stdout
    assert "The running totals now hold the 5 calls of the tables" in first.stdout
    again = tallygate("replay", cwd=data_dir, **LOCAL)
    assert "The tables hold what the log says." in again.stdout
    assert "The running totals agree with the tables." in again.stdout

    (data_dir / "double.yaml").write_text("- {model: '*', multipliers: {standard: '2'}}")
    restated = tallygate("replay", "--prices", "double.yaml", cwd=data_dir, **LOCAL)
    assert restated.returncode == 0, restated.stderr
    cost = 5 * (12 * 150 + 5 * 600)
    assert f"$0.{cost:09d}".rstrip("0") in restated.stdout
    assert f"In all +$0.{cost:09d}".rstrip("0") in restated.stdout
    assert "restatement = 'double'" in restated.stdout


def test_running_totals_are_put_right(data_dir: Path) -> None:
    state = data_dir / "data" / "state.db"

    def damage(statement: str) -> None:
        with closing(sqlite3.connect(state)) as db, db:
            db.execute(statement)

    def replayed(*arguments: str) -> str:
        done = tallygate("replay", *arguments, cwd=data_dir, **LOCAL)
        assert done.returncode == 0, done.stderr
        return done.stdout

    replayed()
    damage("UPDATE usage_totals SET requests = 3")
    dry = replayed("--dry-run")
    assert "totals say  tables say" in dry
    assert "would become what the tables say. Nothing was changed." in dry
    assert "agree" not in replayed("--from", "2020-01-01")
    assert "now hold the 5 calls" in replayed()
    damage("UPDATE usage_totals SET requests = 7")
    kept = replayed()
    assert "it holds fewer calls of default. They stay as they are" in kept
    assert "now hold the 5 calls" in replayed("--totals")
    assert "agree with the tables" in replayed()


def test_a_running_gateway_is_left_alone(data_dir: Path) -> None:
    with stack.owned(data_dir / "data"):
        refused = tallygate("replay", cwd=data_dir, **LOCAL)
    assert refused.returncode == 2
    assert "in use by another tallygate" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "tomorrow"), "neither an ISO 8601 time"),
        (("--from", "2026-02-01", "--to", "2026-01-01"), "--from is not before --to"),
        (("--totals", "--from", "2026-01-01"), "not with --prices, --from, --to or --mode distributed"),
        (("--totals", "--mode", "distributed"), "not with --prices, --from, --to or --mode distributed"),
        (("--prices", "nowhere.yaml"), "neither a day such as 2026-01-31 nor a file"),
        (("--prices", "2026-01-31", "--name", "it's"), "a name has letters"),
    ],
)
def test_mistakes_are_explained(data_dir: Path, arguments: tuple[str, ...], said: str) -> None:
    refused = tallygate("replay", *arguments, cwd=data_dir, **LOCAL)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
