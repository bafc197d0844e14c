"""The shipper against a real Kafka: order, completeness, crashes of either side."""

import asyncio
from collections import defaultdict
from functools import partial
from pathlib import Path

import pytest

from tallygate.edge.outbox import segment
from tallygate.edge.outbox.writer import OutboxLimits
from tallygate.infra.kafka.dev_broker import DevBroker
from tallygate.runtime.config import Settings
from tallygate.runtime.messages import MAX_VALUE_BYTES, partition_of
from tallygate.schemas.call import Body
from tallygate.schemas.events import ResponseEvent
from tallygate.schemas.records import DeadLetter
from tallygate.schemas.topics import partition_key
from tests.support.environment import environment_of
from tests.support.factories import request_event, response_event
from tests.support.kafka_broker import read_records
from tests.support.outboxes import FilledOutbox, loaded
from tests.support.processes import Started, start_run
from tests.support.wait import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

MODULE = "tallygate.edge.shipper"


def start(settings: Settings) -> Started:
    return start_run(MODULE, environment_of(settings), settings.data_dir / "shipper.log")


def sizes(directory: Path) -> list[int]:
    return [path.stat().st_size for path in directory.iterdir()]


def grown(outbox: FilledOutbox, beyond: int) -> bool:
    return len(outbox.responses) > beyond


async def shipped(settings: Settings) -> list[tuple[int, ResponseEvent]]:
    return await read_records(settings.kafka, "llm.responses", ResponseEvent)


def assert_counts_once(found: list[tuple[int, ResponseEvent]], outboxes: list[FilledOutbox]) -> None:
    """What a reader applies that skips sequence numbers at or below its mark is every event, once."""
    marks: dict[tuple[int, str], int] = defaultdict(lambda: -1)
    applied: list[tuple[str, int]] = []
    for partition, event in found:
        origin = event.origin
        assert partition == partition_of(partition_key(event.project, event.user_id), 3)
        if origin.seq > marks[partition, origin.edge_id]:
            marks[partition, origin.edge_id] = origin.seq
            applied.append((origin.edge_id, origin.seq))
    written = [(e.origin.edge_id, e.origin.seq) for outbox in outboxes for e in outbox.responses]
    assert sorted(applied) == sorted(written)


async def test_events_of_all_outboxes_arrive_in_order_and_segments_are_freed(settings: Settings) -> None:
    limits = OutboxLimits(segment_bytes=64 * 1024)
    first = FilledOutbox(settings.outbox_dir, 0, limits)
    first.add_all(response_event() for _ in range(300))
    keep_nothing = {"TALLYGATE_OUTBOX__KEEP_BYTES": "0"}
    env = environment_of(settings) | keep_nothing
    with start_run(MODULE, env, settings.data_dir / "shipper.log") as process:

        async def all_there(count: int) -> bool:
            return len(await shipped(settings)) == count

        await eventually(lambda: all_there(300))
        second = FilledOutbox(settings.outbox_dir, 1, limits)  # appears at run time
        second.add_all(event for _ in range(300) for event in (request_event(), response_event()))
        await eventually(lambda: all_there(600))
        assert_counts_once(await shipped(settings), [first, second])
        await eventually(lambda: len(segment.segments(first.directory)) == 1)
        assert process.stop() == 0


async def test_kills_in_the_middle_lose_nothing_and_keep_the_order(settings: Settings) -> None:
    outbox = FilledOutbox(settings.outbox_dir)
    for _ in range(4):
        with start(settings) as process:
            before = len(await shipped(settings))
            outbox.add_all(response_event() for _ in range(1500))

            async def some_more(before: int = before) -> bool:
                return len(await shipped(settings)) > before

            await eventually(some_more)
            process.kill()
    with start(settings):

        async def complete() -> bool:
            return len({e.origin.seq for _, e in await shipped(settings)}) == len(outbox.responses)

        await eventually(complete)
    assert_counts_once(await shipped(settings), [outbox])


async def test_kafka_killed_and_stopped_under_load(settings: Settings, broker: DevBroker) -> None:
    outbox = FilledOutbox(settings.outbox_dir)
    with start(settings) as process:
        async with loaded(outbox, 1000):
            await eventually(lambda: shipped(settings))
            for end in (broker.kill, broker.stop):
                await asyncio.to_thread(end)
                await eventually(partial(grown, outbox, len(outbox.responses) + 200))
                await asyncio.to_thread(broker.start)

        async def complete() -> bool:
            return len({e.origin.seq for _, e in await shipped(settings)}) == len(outbox.responses)

        await eventually(complete)
        assert process.exit_code is None
        assert process.stop() == 0
    assert_counts_once(await shipped(settings), [outbox])


async def test_what_is_too_long_is_shortened_or_dead_lettered_and_the_rest_goes_on(
    settings: Settings,
) -> None:
    outbox = FilledOutbox(settings.outbox_dir)
    long = Body(text="x" * (MAX_VALUE_BYTES + 1), size_bytes=MAX_VALUE_BYTES + 1)
    outbox.add(response_event())
    outbox.add(response_event(response_body=long))
    outbox.add(response_event(error_message="y" * (MAX_VALUE_BYTES + 1)))
    outbox.writer.append(77, b"key", b"{}")
    outbox.add(response_event())
    with start(settings) as process:

        async def arrived() -> bool:
            return len(await shipped(settings)) == 3

        await eventually(arrived)
        assert process.stop() == 0
    shortened = next(e for _, e in await shipped(settings) if e.response_body)
    assert shortened.response_body == Body(text="", size_bytes=MAX_VALUE_BYTES + 1, truncated=True)
    assert shortened.usage == outbox.responses[1].usage
    letters = [letter for _, letter in await read_records(settings.kafka, "llm.deadletter", DeadLetter)]
    assert {letter.source for letter in letters} == {f"outbox/{outbox.writer.edge_id}"}
    assert any("too long" in letter.reason for letter in letters)
    assert any("unknown topic code 77" in letter.reason for letter in letters)
    assert sorted(size > MAX_VALUE_BYTES for size in sizes(settings.data_dir / "oversize")) == [
        False,
        True,
        True,
    ]


async def test_without_kafka_it_waits_and_still_stops_soon(tmp_path: Path) -> None:
    env = {"TALLYGATE_DATA_DIR": str(tmp_path), "TALLYGATE_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    FilledOutbox(tmp_path / "outbox").add(response_event())
    with start_run(MODULE, env, tmp_path / "log") as process:
        await eventually(lambda: "again in" in process.tail())
        assert process.stop() == 0
