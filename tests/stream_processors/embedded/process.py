"""A process that runs the embedded runner over real files: `python -m … DIRECTORY`; SIGTERM stops it."""

import signal
import sys
import threading
from pathlib import Path

from tallygate.stream_processors.embedded import EmbeddedRunner, RunnerOptions
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.tokens import TokenCounter
from tests.stream_processors.embedded.stores import FileStore


def main(directory: Path) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    # Small batches: more places to be killed in.
    options = RunnerOptions(poll_s=0.002, batch_bytes=1, keep_bytes=0)
    store = FileStore(directory / "store.db")
    pricer = Pricer(counter=TokenCounter(load=False))
    EmbeddedRunner(directory / "outbox", directory / "state.db", store, pricer, options).run(stop)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
