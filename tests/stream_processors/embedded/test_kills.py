"""`kill -9` of a process that runs the embedded runner, at moments of chance."""

import random
import sys
import threading
from pathlib import Path

from tallygate.edge.outbox.writer import OutboxLimits
from tallygate.stream_processors.embedded import read_totals
from tests.stream_processors.embedded.stores import FileStore
from tests.support import factories
from tests.support.outboxes import FilledOutbox
from tests.support.processes import Started
from tests.support.wait import eventually_sync

KILLS = 10
COST = 12 * 150 + 5 * 600


def _writing(filled: list[FilledOutbox], stop: threading.Event) -> threading.Thread:
    """Two edges that go on writing while the process is killed."""

    def write() -> None:
        while not stop.wait(0.001):
            for one in filled:
                one.add(factories.request_event())
                one.add(factories.response_event())

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def test_every_call_counts_once_whenever_it_is_killed(tmp_path: Path) -> None:
    chance = random.Random(20261124)
    store = FileStore(tmp_path / "store.db")
    limits = OutboxLimits(segment_bytes=64 * 1024)
    filled = [FilledOutbox(tmp_path / "outbox", index, limits) for index in (0, 1)]
    command = [sys.executable, "-m", "tests.stream_processors.embedded.process", str(tmp_path)]
    stop = threading.Event()
    writer = _writing(filled, stop)
    try:
        for _ in range(KILLS):
            process = Started(command, {}, tmp_path / "process.log")
            had = len(store.rows("call"))
            eventually_sync(lambda had=had: len(store.rows("call")) > had)  # type: ignore[misc]
            threading.Event().wait(chance.uniform(0, 0.15))
            assert process.exit_code is None, process.tail()
            process.kill()
    finally:
        stop.set()
        writer.join()

    process = Started(command, {}, tmp_path / "process.log")
    written = sorted((r.origin.edge_id, r.origin.seq, COST) for one in filled for r in one.responses)
    eventually_sync(lambda: len(store.rows("call")) >= len(written))
    assert process.stop() == 0, process.tail()

    assert sorted(store.rows("call")) == written
    assert len(store.rows("request")) == len(set(store.rows("request"))) == len(written)
    totals = read_totals(tmp_path / "state.db")
    for dimension in ("project", "user", "model", "provider", "property"):
        of_dimension = [total for total in totals if total.dimension == dimension]
        assert sum(total.requests for total in of_dimension) == len(written)
        assert sum(total.cost_nanos for total in of_dimension) == COST * len(written)
