"""The worker's parts without Faust and Kafka."""

import asyncio
import base64
from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka import KafkaFencedError
from tallygate.runtime.messages import MAX_VALUE_BYTES, Message, Messages, Place
from tallygate.runtime.publisher import Publisher
from tallygate.schemas.call import Origin
from tallygate.schemas.codec import decode, encode, encode_lines, split_lines
from tallygate.schemas.events import ResponseEvent
from tallygate.schemas.records import Call, DeadLetter
from tallygate.schemas.topics import DEADLETTER
from tallygate.schemas.totals import UsageTotals
from tallygate.stream_processors.faust_worker.continuity import Continuity, MessageGapError
from tallygate.stream_processors.faust_worker.partition_state import PartitionState, Written
from tallygate.stream_processors.faust_worker.price import PriceStep, messages_of
from tallygate.stream_processors.faust_worker.steps import Batch, PartitionLostError
from tallygate.stream_processors.faust_worker.totals_state import MARK_AGE_US, PartitionTotals
from tallygate.stream_processors.faust_worker.usage import UsageStep
from tallygate.stream_processors.messages import Raw
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.rules import RuleCounter
from tallygate.stream_processors.usage import COUNTERS, UsageKey, keys_of, sums_of
from tallygate.stream_processors.usage.totals import SESSION_IDLE_US
from tests.support.factories import NOV_2026_US, call, response_event

PLACE = Place("llm.calls", 1)
PROJECT = UsageKey("default", "project", "", "default")


def test_messages_in_a_row_and_repeats_are_continuous() -> None:
    continuity = Continuity()
    continuity.begin(PLACE, generation=1, offset=10)
    for offset in (10, 11, 12, 11, 12, 13):
        continuity.advance(PLACE, offset)
    assert continuity.knows(PLACE, 1)
    assert not continuity.knows(PLACE, 2)
    assert not continuity.knows(Place("llm.calls", 2), 1)


@pytest.mark.parametrize("offset", [11, 500])
def test_a_gap_is_fatal_also_at_the_first_message(offset: int) -> None:
    continuity = Continuity()
    continuity.begin(PLACE, generation=1, offset=10)
    with pytest.raises(MessageGapError, match=f"llm.calls/1: message {offset} came, 10 was next"):
        continuity.advance(PLACE, offset)


def test_calls_of_a_message_stay_together_unless_they_grew_too_long() -> None:
    assert messages_of([]) == []
    few = [call() for _ in range(3)]
    [message] = messages_of(few)
    assert [decode(Call, line) for line in split_lines(message.value or b"")] == few
    grown = [call(prompt="p" * (MAX_VALUE_BYTES // 2 - 10)) for _ in range(2)]
    apart = messages_of(grown)
    assert [decode(Call, message.value or b"") for message in apart] == grown


class Failing(Pricer):
    """Fails on one event, as only a bug would."""

    def price(self, event: ResponseEvent) -> Call:
        if event.origin.seq == 2:
            raise KeyError("a price")
        return super().price(event)


class Kept(Publisher):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__(KafkaConfig(), client_id="test")
        self.messages: dict[Place, list[Message]] = {}

    async def publish(self, messages: Messages) -> None:
        for place, more in messages.items():
            self.messages.setdefault(place, []).extend(more)


async def test_an_event_that_pricing_fails_on_is_dead_lettered_and_the_others_go_on() -> None:
    events = [response_event(origin=Origin(edge_id="a", seq=seq)) for seq in (1, 2, 3)]
    written = Kept()
    step = PriceStep(written, Failing(), asyncio.Event())
    await step.process(Batch(1, {Place("llm.responses", 1): [Raw(7, encode_lines(events))]}))
    (calls,) = written.messages[PLACE]
    assert [decode(Call, line).origin.seq for line in split_lines(calls.value or b"")] == [1, 3]
    (letter,) = [decode(DeadLetter, m.value or b"") for m in written.messages[Place(DEADLETTER.name, 1)]]
    assert (letter.offset, letter.reason) == (7, "pricing: KeyError: 'a price'")
    assert decode(ResponseEvent, base64.b64decode(letter.payload)) == events[1]
    assert (step.priced, step.dead_letters) == (2, 1)


class SlowLog:
    """Totals that take their time; those of partition 0 belong to another worker."""

    begun: ClassVar[list[int]] = []
    ended: ClassVar[list[int]] = []

    def __init__(self, _config: KafkaConfig, partition: int) -> None:
        self._partition = partition

    async def open(self) -> PartitionState:
        return PartitionState(PartitionTotals(self._partition, [], 0), RuleCounter(self._partition, []))

    async def publish(self, written: Written, others: Messages) -> None:
        self.begun.append(self._partition)
        if self._partition == 0:
            raise KafkaFencedError("taken over")
        await asyncio.sleep(0.05)
        self.ended.append(self._partition)


async def test_when_a_partition_is_lost_the_others_are_finished_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tallygate.stream_processors.faust_worker.usage.TotalsLog", SlowLog)
    step = UsageStep(KafkaConfig(), asyncio.Event())
    batch = {Place("llm.calls", each): [Raw(1, encode(call()))] for each in (0, 1, 2)}
    with pytest.raises(PartitionLostError, match=r"llm\.calls/0"):
        await step.process(Batch(1, batch))
    assert SlowLog.begun == [0, 1, 2]
    assert SlowLog.ended == [1, 2]


def test_a_call_that_is_too_long_loses_its_text_and_no_number() -> None:
    long = call(prompt="p" * MAX_VALUE_BYTES, response="r")
    [message] = messages_of([long])
    short = decode(Call, message.value or b"")
    assert (short.prompt, short.response) == ("", "")
    assert (short.prompt_truncated, short.response_truncated) == (True, True)
    assert (short.cost_nanos, short.input_tokens, short.origin) == (
        long.cost_nanos,
        long.input_tokens,
        long.origin,
    )


def counted(
    totals: PartitionTotals, calls: list[Call], now_us: int = NOV_2026_US
) -> dict[UsageKey, UsageTotals]:
    """Changed totals of a batch, in UTC."""
    return dict(totals.count(calls, lambda _project: "UTC", now_us).changed)


def test_repeats_change_nothing_also_after_a_restart() -> None:
    calls = [call() for _ in range(4)]
    totals = PartitionTotals(1, [], NOV_2026_US)
    first = counted(totals, calls[:3])
    assert first[PROJECT].requests == 3
    assert counted(totals, calls[:3]) == {}
    again = PartitionTotals(1, first.values(), NOV_2026_US)
    changed = counted(again, calls)
    assert changed[PROJECT].requests == 4
    assert changed[PROJECT].cost_nanos == sum(each.cost_nanos or 0 for each in calls)
    assert changed[PROJECT].partition == 1


def test_only_calls_that_were_not_counted_are_fresh() -> None:
    calls = [call() for _ in range(3)]
    totals = PartitionTotals(1, [], NOV_2026_US)
    counted(totals, calls[:2])
    fresh = totals.count(calls, lambda _project: "UTC", NOV_2026_US).fresh
    assert [each for each, _ in fresh] == calls[2:]
    assert totals.marks == {"edge-a": calls[2].origin.seq}


def test_marks_beyond_use_are_dropped_when_totals_are_read() -> None:
    totals = PartitionTotals(0, [], NOV_2026_US)
    held = counted(totals, [call(ended_at_us=NOV_2026_US)])[PROJECT]
    assert held.applied
    later = PartitionTotals(0, [held], NOV_2026_US + MARK_AGE_US + 1)
    changed = counted(later, [call(origin={"edge_id": "new", "seq": 1})])[PROJECT]
    assert set(changed.applied) == {"new"}
    assert changed.requests == 2


def test_sessions_that_are_idle_are_dropped_and_nothing_else() -> None:
    totals = PartitionTotals(0, [], NOV_2026_US)
    recent = call(session_id="new", ended_at_us=NOV_2026_US + SESSION_IDLE_US)
    counted(totals, [call(session_id="old", ended_at_us=NOV_2026_US), recent])
    assert totals.drop_idle(NOV_2026_US + SESSION_IDLE_US + 1) == [UsageKey("default", "session", "", "old")]
    assert totals.drop_idle(NOV_2026_US + SESSION_IDLE_US + 1) == []


@given(st.lists(st.integers(1, 12), max_size=30), st.integers(1, 5))
def test_totals_by_batches_are_the_sums_of_the_calls(rises: list[int], size: int) -> None:
    """Sequence numbers of two edges, some of them repeats, against sums made one by one."""
    calls = [
        call(
            origin={"edge_id": f"e{at % 2}", "seq": rise},
            user_id=f"u{rise % 3}",
            properties={"P": f"{at % 2}"},
            received_at_us=NOV_2026_US - rise * 1_000_000_000,
        )
        for at, rise in enumerate(rises)
    ]
    batched = PartitionTotals(1, [], NOV_2026_US)
    published: dict[UsageKey, UsageTotals] = {}
    for at in range(0, len(calls), size):
        published |= counted(batched, calls[at : at + size])
    wanted: dict[UsageKey, Counter[str]] = {}
    reached: dict[str, int] = {}
    for each in calls:
        if each.origin.seq > reached.get(each.origin.edge_id, -1):
            reached[each.origin.edge_id] = each.origin.seq
            for key in keys_of(each):
                wanted.setdefault(key, Counter()).update(sums_of(each)._asdict())
    assert {key: {n: getattr(total, n) for n in COUNTERS} for key, total in published.items()} == {
        key: {name: sums[name] for name in COUNTERS} for key, sums in wanted.items()
    }
    for total in published.values():
        assert sum(total.latency_sketch.values()) == total.requests
        month = [each for each in total.periods if each.period == "month"]
        assert sum(each.requests for each in month) == total.requests
        assert sum(each.cost_nanos for each in month) == total.cost_nanos
