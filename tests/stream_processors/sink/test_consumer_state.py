"""The sink's bookkeeping under every interleaving of repeats, rewinds, crashes and failed inserts."""

from enum import StrEnum

from hypothesis import given
from hypothesis import strategies as st

from tallygate.schemas.call import Origin
from tallygate.schemas.records import Call
from tallygate.stream_processors.messages import Raw
from tallygate.stream_processors.sink.consumer_state import BatchLimits, Lease, Marks, Waiting
from tallygate.stream_processors.store import Placed
from tests.support.factories import call

TEMPLATE = call()


def placed(offset: int, edge: str, seq: int) -> Placed[Call]:
    return Placed(offset, TEMPLATE.model_copy(update={"origin": Origin(edge_id=edge, seq=seq)}))


@st.composite
def partition_logs(draw: st.DrawFn) -> tuple[list[list[int]], list[Placed[Call]]]:
    """Events of some edges, and the log of a partition with rewinds, each to a place passed before."""
    gaps = st.lists(st.integers(1, 5), max_size=8)
    edges = [[sum(gaps_[: at + 1]) for at in range(len(gaps_))] for gaps_ in draw(st.lists(gaps, max_size=3))]
    reached = [0] * len(edges)
    log: list[Placed[Call]] = []
    while any(at < len(seqs) for at, seqs in zip(reached, edges, strict=True)):
        edge = draw(st.sampled_from([e for e, seqs in enumerate(edges) if reached[e] < len(seqs)]))
        start = draw(st.integers(0, reached[edge]))
        end = draw(st.integers(reached[edge] + 1, len(edges[edge])))
        log += [placed(0, str(edge), seq) for seq in edges[edge][start:end]]
        reached[edge] = end
    return edges, [Placed(at, item.record) for at, item in enumerate(log)]


class Ends(StrEnum):
    """How an attempt to insert a batch ends."""

    WELL = "the store has it, the offset is committed"
    HALF = "the store has a part of it and fails"
    UNNOTICED = "the store has it, and the process dies before it knows"
    AFTER_COMMIT = "the process dies right after the commit"


attempts = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(Ends)), max_size=15)


@given(partition_logs(), attempts)
def test_every_record_is_held_once_whatever_fails(
    made: tuple[list[list[int]], list[Placed[Call]]], planned: list[tuple[int, Ends]]
) -> None:
    edges, log = made
    store: list[tuple[str, int]] = []
    committed = 0
    marks = Marks({})
    for size, ends in [*planned, (len(log), Ends.WELL)]:
        batch = log[committed : committed + size]
        fresh = marks.fresh(batch)
        taken = fresh[: len(fresh) // 2] if ends is Ends.HALF else fresh
        store += [(item.record.origin.edge_id, item.record.origin.seq) for item in taken]
        if ends in (Ends.WELL, Ends.AFTER_COMMIT):
            committed += len(batch)
        if ends is Ends.WELL:
            marks.advance(fresh)
        else:
            marks = Marks(highest(store))
    assert sorted(store) == sorted((str(e), seq) for e, seqs in enumerate(edges) for seq in seqs)


def highest(store: list[tuple[str, int]]) -> dict[str, int]:
    """What a store answers when it is asked for its marks."""
    return {edge: max(seq for e, seq in store if e == edge) for edge, _ in store}


def test_fresh_changes_nothing_until_it_is_advanced() -> None:
    marks = Marks({"a": 5})
    items = [placed(0, "a", 5), placed(1, "a", 6), placed(2, "a", 6), placed(3, "b", 0)]
    assert marks.fresh(items) == [items[1], items[3]]
    assert marks.fresh(items) == [items[1], items[3]]
    marks.advance([items[1]])
    assert marks.fresh(items) == [items[3]]


def test_a_batch_is_due_by_size_or_age() -> None:
    limits = BatchLimits(max_bytes=10, max_age_s=1.0)
    waiting = Waiting()
    assert not waiting.due(100.0, limits)
    waiting.add(Raw(0, b"12345"), 100.0)
    waiting.add(Raw(1, b"1234"), 100.9)
    assert not waiting.due(100.9, limits)
    assert waiting.due(101.0, limits)
    waiting.add(Raw(2, b"1"), 100.9)
    assert waiting.due(100.9, limits)


def test_what_came_during_an_insert_waits_on() -> None:
    waiting = Waiting()
    for offset in (4, 5, 9):
        waiting.add(Raw(offset, b"x"), 1.0)
    assert waiting.done(2, now_s=3.0) == 6
    assert waiting.messages == [Raw(9, b"x")]
    assert waiting.size_bytes == 1
    assert not waiting.due(3.4, BatchLimits())


def test_a_lease_is_doubted_after_a_freeze_until_the_group_had_time_to_tell() -> None:
    lease = Lease(session_s=6.0, now_s=0.0)
    lease.tick(1.0)
    assert lease.holds(1.1)
    assert not lease.holds(4.1)  # no tick came: frozen, or starved
    lease.tick(10.0)
    assert not lease.holds(10.0)
    for second in range(11, 16):
        lease.tick(float(second))
    assert not lease.holds(15.9)
    lease.tick(16.0)
    assert lease.holds(16.0)
