"""What happens to events when the outbox is full."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tallygate.edge.call import Call
from tallygate.edge.capture import Capture
from tallygate.edge.errors import GatewayError
from tallygate.edge.events import Ending
from tallygate.edge.outbox.writer import FullPolicy, OutboxLimits, OutboxWriter
from tallygate.edge.recorder import RESPONSE_RESERVE_BYTES, Recorder
from tallygate.runtime.metrics import EdgeMetrics
from tallygate.schemas.call import Outcome
from tests.support.edge import read_events

OK = Ending(200, Outcome.OK)


def consume(step: Callable[[], None], times: int) -> None:
    for _ in range(times):
        step()


class Rig:
    """A recorder on a real outbox with a quota."""

    def __init__(self, directory: Path, policy: FullPolicy, quota_bytes: int) -> None:
        self.directory = directory
        self.outbox = OutboxWriter(directory, OutboxLimits(segment_bytes=1 << 20, quota_bytes=quota_bytes))
        self.metrics = EdgeMetrics(0)
        self.recorder = Recorder(self.outbox, policy, self.metrics)

    def call(self, body: bytes = b"") -> Call:
        call = Call("POST", "/v1/chat/completions")
        call.request_capture = Capture(1 << 20)
        call.request_capture.add(body)
        return call

    def value(self, metric: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(metric, {"worker": "0", **labels}) or 0.0

    def counts(self) -> tuple[int, int]:
        requests, responses = read_events(self.directory)
        return len(requests), len(responses)


@pytest.fixture
def rig(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    policy, quota_bytes = request.param
    rig = Rig(tmp_path / "outbox", policy, quota_bytes)
    yield rig
    rig.outbox.close()


@pytest.mark.parametrize("rig", [("drop", 1 << 20)], indirect=True)
def test_a_call_is_recorded_once(rig: Rig) -> None:
    call = rig.call(b"{}")
    rig.recorder.begin(call)
    rig.recorder.finish(call, OK)
    rig.recorder.finish(call, Ending(499, Outcome.CLIENT_CANCELLED))
    requests, responses = read_events(rig.directory)
    assert [event.request_id for event in requests] == [call.request_id]
    assert [(event.request_id, event.outcome) for event in responses] == [(call.request_id, "ok")]
    assert responses[0].origin.seq == requests[0].origin.seq + 1


@pytest.mark.parametrize("rig", [("drop", 1 << 20)], indirect=True)
def test_a_call_refused_early_has_both_events(rig: Rig) -> None:
    rig.recorder.finish(rig.call(), Ending(400, Outcome.REJECTED))
    assert rig.counts() == (1, 1)


@pytest.mark.parametrize("rig", [("drop", 95_000)], indirect=True)
def test_bodies_go_before_events_do(rig: Rig) -> None:
    for _ in range(8):
        call = rig.call(b"x" * 20_000)
        rig.recorder.begin(call)
        rig.recorder.finish(call, OK)
    assert rig.counts() == (8, 8)
    _, responses = read_events(rig.directory)
    kept = [event.request_body.text for event in responses if event.request_body is not None]
    assert kept[0] == "x" * 20_000
    assert kept[-1] == ""
    assert all(event.request_body and event.request_body.size_bytes == 20_000 for event in responses)
    assert rig.value("tallygate_edge_outbox_slimmed_total") > 0


@pytest.mark.parametrize("rig", [("drop", 65_536)], indirect=True)
def test_drop_serves_and_counts_what_is_lost(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(200):
        call = rig.call()
        rig.recorder.begin(call)
        rig.recorder.finish(call, OK)
    requests, responses = rig.counts()
    assert rig.value("tallygate_edge_outbox_dropped_total", topic="llm.requests") == 200 - requests > 0
    assert rig.value("tallygate_edge_outbox_dropped_total", topic="llm.responses") == 200 - responses > 0
    assert caplog.text.count("outbox is full") == 1
    assert not rig.recorder.refusing


@pytest.mark.parametrize("rig", [("refuse", 300_000)], indirect=True)
def test_refuse_records_every_call_that_it_lets_through(rig: Rig) -> None:
    let_through = []

    def begin_another() -> None:
        call = rig.call(b"x" * 30_000)
        rig.recorder.begin(call)
        let_through.append(call)

    with pytest.raises(GatewayError) as caught:
        consume(begin_another, times=50)
    assert (caught.value.status, caught.value.code) == (503, "outbox_full")
    assert len(let_through) > 1
    for call in let_through:
        rig.recorder.finish(call, OK)
    _, responses = read_events(rig.directory)
    assert {event.request_id for event in responses} == {call.request_id for call in let_through}


@pytest.mark.parametrize("rig", [("refuse", 200_000)], indirect=True)
def test_refusing_ends_when_segments_are_deleted(rig: Rig) -> None:
    rig.recorder.begin(rig.call())
    while rig.outbox.has_room(RESPONSE_RESERVE_BYTES):
        rig.outbox.append(1, b"", b"x" * 5_000)
    assert rig.recorder.refusing
    with pytest.raises(GatewayError):
        rig.recorder.begin(rig.call())
    rig.outbox._limits = OutboxLimits(segment_bytes=1 << 20, quota_bytes=1 << 20)
    assert not rig.recorder.refusing
