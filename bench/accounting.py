"""`python -m bench.accounting`: calls a second that are priced, totalled and counted by ten rules.

Embedded: the runner over real outbox files, chDB and SQLite, as `tallygate up` runs it. Worker: the steps of
one Faust worker without Kafka's own time: messages in, messages out. Both in one process; CPU seconds are
those of the whole process, chDB's threads included.
"""

import argparse
import gc
import random
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from tallygate.edge.outbox.writer import OutboxLimits, OutboxWriter
from tallygate.runtime.clickhouse import EmbeddedTarget, connect
from tallygate.schemas.call import Attempt, Body, Origin
from tallygate.schemas.codec import encode, encode_lines, encode_sparse
from tallygate.schemas.events import RequestEvent, ResponseEvent
from tallygate.schemas.records import Call
from tallygate.schemas.rules import Rule, RuleBook, by_project
from tallygate.schemas.topics import REQUESTS, RESPONSES
from tallygate.stream_processors.embedded import EmbeddedRunner, RunnerOptions
from tallygate.stream_processors.faust_worker.totals_state import PartitionTotals
from tallygate.stream_processors.messages import Raw, decode_messages
from tallygate.stream_processors.pricing import Pricer, priced
from tallygate.stream_processors.rules import RuleCounter
from tallygate.stream_processors.sink.migrate import migrate
from tallygate.stream_processors.sink.store import ClickHouseStore

MESSAGE_EVENTS = 50
BATCH_MESSAGES = 20
PROMPT = '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"' + "How much was it? " * 50 + '"}]}'
ANSWER = '{"id":"chatcmpl-1","choices":[{"message":{"role":"assistant","content":"' + "Much. " * 60 + '"}}]}'
MODELS = ("gpt-4o-mini", "gpt-4o", "gpt-4.1-mini", "o3-mini")


def rules() -> RuleBook:
    """Ten rules as a project has them."""
    day, hour = {"kind": "calendar", "period": "day"}, {"kind": "sliding", "seconds": 3600}
    given: list[dict[str, object]] = [
        {"metric": "cost", "window": day},
        {"metric": "cost", "window": {"kind": "calendar", "period": "month"}},
        {"metric": "cost", "window": day, "group_by": "user"},
        {"metric": "cost", "window": day, "group_by": "property.team"},
        {"metric": "total_tokens", "window": day, "group_by": "key"},
        {"metric": "error_rate", "window": hour},
        {"metric": "latency_p95", "window": hour, "group_by": "model"},
        {"metric": "ttft_p99", "window": hour},
        {"metric": "requests", "window": hour, "filter": {"field": "status", "op": "gte", "value": 500}},
        {"metric": "cost", "kind": "anomaly"},
    ]
    made = [
        Rule.model_validate(
            {"rule_id": f"rule_{at}", "project": "default", "name": "n", "created_at_us": 1, **fields}
        )
        for at, fields in enumerate(given)
    ]
    return RuleBook(version=1, rules=by_project(made))


def events(number: int, seed: int = 1) -> Iterator[tuple[RequestEvent, ResponseEvent]]:
    """Calls of a thousand users and ever new sessions, of about two kilobytes each."""
    chance = random.Random(seed)
    now_us = time.time_ns() // 1000
    for at in range(number):
        model = chance.choice(MODELS)
        latency_us = int(chance.lognormvariate(13.5, 0.6))
        common = {
            "request_id": str(uuid.UUID(int=chance.getrandbits(128))),
            "project": "default",
            "user_id": f"user-{int(chance.paretovariate(1.2)) % 1000}",
            "key_id": f"key-{at % 7}",
            "session_id": f"session-{at // 6}",
            "properties": {"Team": f"team-{at % 12}", "Feature": f"feature-{at % 30}"},
            "method": "POST",
            "path": "/v1/chat/completions",
            "endpoint": "chat/completions",
            "model_requested": model,
            "received_at_us": now_us + at * 100,
            "event_id": str(uuid.UUID(int=chance.getrandbits(128))),
            "origin": Origin(edge_id="e", seq=at),
        }
        attempt = Attempt(
            provider="openai", model=model, status=200, started_at_us=now_us, latency_us=latency_us
        )
        response = ResponseEvent(
            **common,
            provider="openai",
            model=model,
            status=200,
            outcome="ok",
            ended_at_us=now_us + latency_us,
            latency_us=latency_us,
            ttft_us=latency_us // 3,
            attempts=(attempt,),
            usage={"prompt_tokens": 214, "completion_tokens": 90, "total_tokens": 304},
            usage_flavor="openai.chat",
            request_body=Body(text=PROMPT, size_bytes=len(PROMPT)),
            response_body=Body(text=ANSWER, size_bytes=len(ANSWER)),
        )
        yield RequestEvent(**common, request_bytes=len(PROMPT)), response


def fill(directory: Path, number: int) -> None:
    """Write an outbox."""
    writer = OutboxWriter(directory, OutboxLimits(segment_bytes=64 * 1024 * 1024))
    for request, response in events(number):
        for topic, event in ((REQUESTS, request), (RESPONSES, response)):
            origin = Origin(edge_id=writer.edge_id, seq=writer.next_seq)
            writer.append(topic.code, b"default/u", encode(event.model_copy(update={"origin": origin})))
    writer.close()


def embedded(number: int) -> None:
    """The runner, from full outboxes to empty ones."""
    with tempfile.TemporaryDirectory() as text:
        directory = Path(text)
        fill(directory / "outbox" / "edge-0", number)
        target = EmbeddedTarget(directory / "chdb")
        migrate(target)
        held = connect(target)
        store, book = ClickHouseStore(target), rules()
        pricer = Pricer()
        options = RunnerOptions(drain_s=3600)
        runner = EmbeddedRunner(
            directory / "outbox", directory / "state.db", store, pricer, options, lambda: book
        )
        stop = threading.Event()
        stop.set()
        gc.freeze()  # as the core does
        with Measured("embedded runner", number):
            runner.run(stop)
        store.close()
        held.close()


def worker(number: int) -> None:
    """What a Faust worker does with a partition's messages, between Kafka and Kafka."""
    pricer, book = Pricer(), rules()
    totals, counter = PartitionTotals(0, [], 0), RuleCounter(0, [])
    made = [response for _, response in events(number)]
    values = [encode_lines(made[at : at + MESSAGE_EVENTS]) for at in range(0, len(made), MESSAGE_EVENTS)]
    with Measured("worker's steps", number):
        for at in range(0, len(values), BATCH_MESSAGES):
            raws = [Raw(at, value) for value in values[at : at + BATCH_MESSAGES]]
            decoded = decode_messages(ResponseEvent, raws)
            calls = [priced(pricer, placed.record) for placed in decoded.placed]
            _count(encode_lines(calls), totals, counter, book)


def _count(value: bytes, totals: PartitionTotals, counter: RuleCounter, book: RuleBook) -> None:
    now_us = time.time_ns() // 1000
    calls = [placed.record for placed in decode_messages(Call, [Raw(0, value)]).placed]
    begun = counter.follow(book, totals.marks, now_us)
    counted = totals.count(calls, book.time_zone, now_us)
    changes = begun.then(counter.count(counted.fresh, totals.marks))
    for each in (*counted.changed.values(), *changes.changed.values()):
        encode_sparse(each)


class Measured:
    """Prints the rate of the block."""

    def __init__(self, name: str, calls: int) -> None:
        self._name = name
        self._calls = calls

    def __enter__(self) -> None:
        self._begun = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        seconds, cpu_s = time.perf_counter() - self._begun[0], time.process_time() - self._begun[1]
        print(
            f"{self._name:<16} {self._calls / seconds:8.0f} calls/s   "
            f"{self._calls / cpu_s:8.0f} calls per CPU second"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    for _ in range(given.rounds):
        embedded(given.calls)
        worker(given.calls)
