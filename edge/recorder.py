"""Writing a call's events to the outbox, and what happens when it is full."""

import logging
import time
from typing import Any, Protocol

from tallygate.edge import events
from tallygate.edge.call import Call
from tallygate.edge.errors import GatewayError
from tallygate.edge.events import Ending
from tallygate.edge.outbox.writer import FullPolicy, OutboxFullError
from tallygate.runtime.metrics import EdgeMetrics
from tallygate.schemas.call import Outcome
from tallygate.schemas.topics import REQUESTS, RESPONSES, Topic, partition_key

log = logging.getLogger(__name__)

RESPONSE_RESERVE_BYTES = 32 * 1024
"""What a response event without bodies takes beyond its request event: usage, error, rate limits."""
_LOG_EVERY_S = 60.0


class Outbox(Protocol):
    """What is needed of an outbox's writer."""

    edge_id: str
    next_seq: int

    def append(self, topic: int, key: bytes, payload: bytes) -> int:
        """Append an event; raises `OutboxFullError`."""
        ...

    def has_room(self, size_bytes: int) -> bool:
        """Whether that much more can be appended."""
        ...

    @property
    def pending_bytes(self) -> int:
        """Bytes on disk."""
        ...


class Recorder:
    """Records calls.

    With the policy `refuse`, a call is let through only if its response event, at least without bodies, is
    sure to find room: a provider is never paid for what can't be recorded. With `drop`, calls go on and what
    is lost is counted. In both, bodies are given up before events are.
    """

    def __init__(self, outbox: Outbox, policy: FullPolicy, metrics: EdgeMetrics) -> None:
        self._outbox = outbox
        self._policy = policy
        self._metrics = metrics
        self._reserved: dict[int, int] = {}
        self._reserved_bytes = 0
        self._silent_until = 0.0
        metrics.watch_outbox(lambda: outbox.pending_bytes)

    @property
    def refusing(self) -> bool:
        """Whether calls are refused now because the outbox is full."""
        return self._policy == "refuse" and not self._outbox.has_room(
            self._reserved_bytes + RESPONSE_RESERVE_BYTES
        )

    def begin(self, call: Call) -> None:
        """Write the request event.

        Raises:
            GatewayError: 503 `outbox_full`; nothing may be forwarded.
        """
        call.begun = True
        event = events.request_event(call, self._outbox.edge_id, self._outbox.next_seq)
        payload = events.encode(event, call.secrets)
        if self._policy == "refuse":
            self._reserve(call, len(payload) + RESPONSE_RESERVE_BYTES, len(payload))
        if not self._append(REQUESTS, call, payload):
            self._dropped(REQUESTS)
            if self._policy == "refuse":
                self._release(call)
                raise _outbox_full()

    def finish(self, call: Call, ending: Ending) -> None:
        """Write the response event; only the first ending of a call counts. Never raises for a full disk."""
        if call.ended:
            return
        if not call.begun:
            self._begin_refused(call)
        call.ended = True
        for attempt in call.attempts:
            attempt.end()
        event = events.response_event(call, ending, self._outbox.edge_id, self._outbox.next_seq)
        self._release(call)
        self._write_response(call, event)
        self._settle(call, ending)

    def _begin_refused(self, call: Call) -> None:
        call.begun = True
        event = events.request_event(call, self._outbox.edge_id, self._outbox.next_seq)
        if not self._append(REQUESTS, call, events.encode(event, call.secrets)):
            self._dropped(REQUESTS)

    def _write_response(self, call: Call, event: dict[str, Any]) -> None:
        origin = event["origin"]
        if self._append(RESPONSES, call, events.encode(event, call.secrets)):
            call.recorded = (origin["edge_id"], origin["seq"])
            return
        if self._append(RESPONSES, call, events.encode(events.without_bodies(event), call.secrets)):
            call.recorded = (origin["edge_id"], origin["seq"])
            self._metrics.slimmed.inc()
            return
        self._dropped(RESPONSES)

    def _append(self, topic: Topic, call: Call, payload: bytes) -> bool:
        # Tried and refused by the disk, it would give back the room that was set aside.
        if self._policy == "refuse" and not self._outbox.has_room(len(payload) + self._reserved_bytes):
            return False
        try:
            self._outbox.append(topic.code, partition_key(call.project, call.user_id), payload)
        except OutboxFullError:
            return False
        return True

    def _reserve(self, call: Call, for_response: int, for_request: int) -> None:
        if not self._outbox.has_room(self._reserved_bytes + for_response + for_request):
            self._dropped(REQUESTS)
            call.ended = True
            self._settle(call, Ending(503, Outcome.REJECTED))
            raise _outbox_full()
        self._reserved[id(call)] = for_response
        self._reserved_bytes += for_response

    def _release(self, call: Call) -> None:
        self._reserved_bytes -= self._reserved.pop(id(call), 0)

    def _dropped(self, topic: Topic) -> None:
        self._metrics.event_dropped(topic.name)
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + _LOG_EVERY_S
            log.error("the outbox is full: events are dropped (see outbox.quota_bytes, outbox.full_policy)")

    def _settle(self, call: Call, ending: Ending) -> None:
        self._measure(call, ending)
        for told in call.on_end:
            told(call, ending)

    def _measure(self, call: Call, ending: Ending) -> None:
        total_us = (time.monotonic_ns() - call.started_ns) // 1000
        self._metrics.call_ended(call.provider, ending.outcome.value, ending.status)
        first = None if call.ttft_us is None else call.ttft_us / 1e6
        self._metrics.call_timed(call.provider, total_us / 1e6, first)
        self._metrics.overhead.observe(max(0, total_us - call.upstream_wait_us) / 1e6)


def _outbox_full() -> GatewayError:
    return GatewayError(
        503,
        "outbox_full",
        "The gateway's disk quota for events is used up and its policy is to refuse calls.",
    )
