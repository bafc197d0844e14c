"""Dead letters are tried again: what the release can process by now is stored and counted, each once."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tallygate.schemas.call import Origin
from tallygate.schemas.codec import encode
from tallygate.schemas.topics import REQUESTS, RESPONSES
from tallygate.stream_processors.audit.audit import audit
from tallygate.stream_processors.audit.embedded import EmbeddedBooks
from tallygate.stream_processors.embedded import RunnerState
from tallygate.stream_processors.embedded.accounting import now_us
from tallygate.stream_processors.errors import RetryableError
from tallygate.stream_processors.replay.dead_letters import Retried, retry_dead_letters
from tallygate.stream_processors.replay.totals import rebuild_totals
from tests.stream_processors.replay.test_totals import CALLS, PRICER, Place
from tests.support import factories


class Mended(Place):
    """An earlier release could read neither these records: this one can. They are each edge's last."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        with closing(sqlite3.connect(self.state)) as db, db:
            letters = db.execute("SELECT edge_id, seq FROM dead_letters ORDER BY 1").fetchall()
            for number, (edge_id, seq) in enumerate(letters):
                origin = Origin(edge_id=edge_id, seq=seq)
                if number == 0:
                    late = {"project": "acme", "user_id": "late", "received_at_us": now_us()}
                    event = encode(factories.response_event(**late, origin=origin))
                    topic = RESPONSES.code
                else:
                    event, topic = encode(factories.request_event(origin=origin)), REQUESTS.code
                changed = (event, topic, edge_id)
                db.execute("UPDATE dead_letters SET payload = ?, topic = ? WHERE edge_id = ?", changed)
            db.execute("INSERT INTO dead_letters VALUES ('zzz', 1, 2, 'old reason', x'00', 5)")

    def retry(self) -> Retried:
        return retry_dead_letters(self.accounts, PRICER, now_us(), page=1)

    def letters(self) -> list[tuple[str, str]]:
        with closing(sqlite3.connect(self.state)) as db:
            return db.execute("SELECT edge_id, reason FROM dead_letters").fetchall()

    def counted(self) -> int:
        with closing(sqlite3.connect(self.state)) as db:
            query = "SELECT sum(requests) FROM usage_totals WHERE dimension = 'project'"
            (count,) = db.execute(query).fetchone()
        return int(count)

    def stored(self) -> tuple[int, int]:
        ((calls,),) = self.session.rows("SELECT count() FROM call_log")
        ((requests,),) = self.session.rows("SELECT count() FROM request_log")
        return calls, requests

    def differences(self) -> list[str]:
        found = audit(EmbeddedBooks(self.target, self.directory / "outbox", self.state))
        assert not found.waiting
        return [each.of for each in found.differences if each.where == "totals"]


@pytest.fixture
def place(tmp_path: Path) -> Mended:
    return Mended(tmp_path)


def check_once(place: Mended) -> None:
    """All is stored and counted once, and stays so."""
    assert (place.counted(), place.stored()) == (CALLS + 1, (CALLS + 1, CALLS + 1))
    assert not place.differences()
    place.process()
    assert (place.counted(), place.stored()) == (CALLS + 1, (CALLS + 1, CALLS + 1))
    assert [requests for group, requests, _ in place.rule_sums() if group == "late"] == [1]


def test_what_can_be_processed_now_is_counted_once(place: Mended) -> None:
    assert place.retry() == Retried(calls=1, requests=1, failed=1)
    ((edge_id, reason),) = place.letters()
    assert (edge_id, reason != "old reason") == ("zzz", True)
    assert place.retry() == Retried(calls=0, requests=0, failed=1)
    check_once(place)


def cut_off(place: Mended, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry, and die between the store and the state."""

    def fail(*_arguments: object) -> None:
        raise RetryableError("cut off")

    with monkeypatch.context() as patched:
        patched.setattr(RunnerState, "commit_retried", fail)
        with pytest.raises(RetryableError):
            place.retry()
    assert (place.counted(), place.stored()[0]) == (CALLS, CALLS + 1)


def test_cut_off_after_the_insert_it_is_counted_by_the_next(
    place: Mended, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(place, monkeypatch)
    place.retry()
    check_once(place)


def test_totals_that_were_rebuilt_meanwhile_have_counted_it(
    place: Mended, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(place, monkeypatch)
    rebuild_totals(place.accounts, lambda _done: None, now_us())
    assert place.retry() == Retried(calls=0, requests=1, failed=1)
    check_once(place)
