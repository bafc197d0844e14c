"""What reaches a step, what is acknowledged, and where errors go; the stream is a list."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from tallygate.runtime.messages import Place
from tallygate.stream_processors.faust_worker.continuity import MessageGapError
from tallygate.stream_processors.faust_worker.drive import Driver
from tallygate.stream_processors.faust_worker.steps import Batch, PartitionLostError


class Event:
    """As Faust gives it."""

    def __init__(self, offset: int, generation: int = 1, size: int = 1) -> None:
        self.message = SimpleNamespace(
            topic="llm.calls",
            partition=0,
            tp="tp",
            offset=offset,
            value=b"x" * size,
            generation_id=generation,
        )
        self.acked = False

    def ack(self) -> None:
        self.acked = True


class Stream:
    """Batches, one after the other."""

    def __init__(self, *batches: list[Event]) -> None:
        self._batches = batches

    async def noack_take(self, max_: int, within: float) -> AsyncIterator[list[Event]]:
        for batch in self._batches:
            yield batch


class Recorder:
    """A step that notes what it gets, and raises what it is told to."""

    def __init__(self, app: Any, error: Exception | None = None) -> None:
        self.batches: list[Batch] = []
        self._app = app
        self._error = error

    async def process(self, batch: Batch) -> None:
        self.batches.append(batch)
        if isinstance(self._error, PartitionLostError):
            self._app.consumer_generation_id += 1  # the rebalance that follows
        if self._error is not None:
            raise self._error

    async def close(self) -> None:
        return


def make_app(committed: int | None = None, earliest: int = 0) -> Any:
    async def earliest_offsets(partition: str) -> dict[str, int]:
        return {partition: earliest}

    consumer = SimpleNamespace(_committed_offset={"tp": committed}, earliest_offsets=earliest_offsets)
    return SimpleNamespace(consumer_generation_id=1, consumer=consumer)


async def drive(app: Any, step: Recorder, *batches: list[Event]) -> list[BaseException]:
    failures: list[BaseException] = []
    async for _ in Driver(app, step, failures.append).run(Stream(*batches)):
        pass
    return failures


def offsets(step: Recorder) -> list[list[int]]:
    return [[raw.offset for raw in batch.messages.get(Place("llm.calls", 0), [])] for batch in step.batches]


async def test_messages_are_acknowledged_after_their_step() -> None:
    step = Recorder(app := make_app())
    events = [Event(0), Event(1), Event(2)]
    assert await drive(app, step, events[:2], events[2:]) == []
    assert offsets(step) == [[0, 1], [2]]
    assert all(event.acked for event in events)


async def test_large_batches_are_cut() -> None:
    step = Recorder(app := make_app())
    await drive(app, step, [Event(0, size=3 * 1024 * 1024), Event(1)])
    assert offsets(step) == [[0], [1]]


async def test_messages_of_an_earlier_generation_are_neither_processed_nor_acknowledged() -> None:
    step = Recorder(app := make_app())
    old, new = Event(5, generation=0), Event(0)
    await drive(app, step, [old, new])
    assert offsets(step) == [[0]]
    assert (old.acked, new.acked) == (False, True)


async def test_an_error_is_told_and_nothing_is_acknowledged() -> None:
    app, event = make_app(), Event(0)
    step = Recorder(app, ValueError("a mistake"))
    failures: list[BaseException] = []
    with pytest.raises(ValueError, match="a mistake"):
        async for _ in Driver(app, step, failures.append).run(Stream([event])):
            pass
    assert [str(failure) for failure in failures] == ["a mistake"]
    assert not event.acked


async def test_a_lost_partition_is_left_alone_until_the_rebalance() -> None:
    app = make_app()
    step = Recorder(app, PartitionLostError("fenced"))
    events = [Event(0, size=3 * 1024 * 1024), Event(1)]
    assert await drive(app, step, events) == []
    assert offsets(step) == [[0]]
    assert not any(event.acked for event in events)


@pytest.mark.parametrize(("committed", "first"), [(None, 3), (7, 8)])
async def test_a_message_beyond_the_commit_stops_the_worker(committed: int | None, first: int) -> None:
    app = make_app(committed=committed)
    failures: list[BaseException] = []
    with pytest.raises(MessageGapError):
        async for _ in Driver(app, Recorder(app), failures.append).run(Stream([Event(first)])):
            pass
    assert len(failures) == 1


async def test_messages_that_retention_has_deleted_are_no_gap() -> None:
    step = Recorder(app := make_app(committed=7, earliest=20))
    assert await drive(app, step, [Event(20), Event(21)]) == []
    assert offsets(step) == [[20, 21]]
