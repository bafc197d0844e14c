"""A process that runs the embedded runner over real files: `python -m … DIRECTORY`; SIGTERM stops it."""

import signal
import sys
import threading
from pathlib import Path

from tallygate.schemas.rules import RuleBook
from tallygate.stream_processors.embedded import EmbeddedRunner, RunnerOptions
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.tokens import TokenCounter
from tests.stream_processors.embedded.past import FilePast
from tests.stream_processors.embedded.stores import FileStore
from tests.stream_processors.rules.books import book, rule

MONTH = {"kind": "calendar", "period": "month"}
RULES = (
    rule("spend", window=MONTH),
    rule("users", window=MONTH, group_by="user", metric="latency_p95"),
    rule("last_hours", window={"kind": "sliding", "seconds": 86_400}, metric="requests"),
)

STEPS = rule(
    "steps", window=MONTH, metric="requests", limit=10_000, thresholds_percent=range(1, 101), action="block"
)
"""In force from the beginning; an alert for every hundred calls."""


def main(directory: Path) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    # Small batches: more places to be killed in.
    options = RunnerOptions(poll_s=0.002, batch_bytes=1, keep_bytes=0)
    store = FileStore(directory / "store.db")
    pricer = Pricer(counter=TokenCounter(load=False))
    past = FilePast(directory / "store.db")
    EmbeddedRunner(
        directory / "outbox",
        directory / "state.db",
        store,
        pricer,
        options,
        lambda: rules_of(directory),
        past,
        directory / "budgets.json",
    ).run(stop)


def rules_of(directory: Path) -> RuleBook:
    """The rules in force: those that the directory has a file of."""
    names = {path.stem for path in directory.glob("*.rule")}
    return book(STEPS, *(one for one in RULES if one.rule_id in names), version=len(names))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
