"""The core process of the embedded run: the one owner of chDB and of the state.

A thread follows the outboxes (`EmbeddedRunner`); the main thread serves the query API and the pages, and
tells of alerts. If the runner or the notifier dies the process ends with an error, so that the supervisor
starts it again: an API that goes on over data that no longer moves would look well and be wrong.

Order of the end, after SIGTERM: the runner takes what the edges have written, then the API stops, then the
engine. A query that is still at work may be cut off.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable

from prometheus_client import CollectorRegistry

from tallygate.analytics.live.source import Live
from tallygate.analytics.requests.where import where
from tallygate.control.open import open_rules
from tallygate.infra.api import require_guarded, serving
from tallygate.infra.core_metrics import watch
from tallygate.infra.core_notifier import telling
from tallygate.infra.live import StateTotals
from tallygate.infra.process import StopSignals
from tallygate.infra.standing import EmbeddedLedger
from tallygate.runtime import garbage
from tallygate.runtime.clickhouse import EmbeddedTarget, connect
from tallygate.runtime.config import Settings
from tallygate.schemas.rules import RuleBook
from tallygate.stream_processors.embedded import EmbeddedRunner, RunnerOptions
from tallygate.stream_processors.sink.migrate import migrate
from tallygate.stream_processors.sink.store import ClickHouseStore
from tallygate.stream_processors.sink.sums import ClickHouseSums

log = logging.getLogger(__name__)

STATE_NAME = "state.db"
"""In the data directory."""
DRAIN_S = 6.0
"""For the runner to take what is in the outboxes after a stop."""
JOIN_S = 8.0
"""After which the process ends without it: nothing is lost, it goes on from there at the next start."""
END_S = 8.5
"""After a stop: the engine would wait for the last query, up to that one's own limit."""


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        ConfigError: others could reach the API, and nobody has to sign in.
        SystemExit: with 1 if the runner died.
        StoreUnavailableError: another process has the engine's directory open.
        MigrationError: the data was made by another release.
    """
    import uvloop

    require_guarded(settings)
    target = EmbeddedTarget(settings.data_dir / "chdb")
    migrate(target)
    # The engine stops with its last session and takes a while to start again.
    held = connect(target)
    store = ClickHouseStore(target)
    past = ClickHouseSums(target, where)
    rules = open_rules(settings)
    options = RunnerOptions(keep_bytes=settings.outbox.kept_bytes, drain_s=DRAIN_S)
    runner = EmbeddedRunner(
        settings.outbox_dir,
        settings.data_dir / STATE_NAME,
        store,
        options=options,
        rules=rules.current,
        past=past,
        budgets_file=settings.data_dir / "budgets.json",
    )
    try:
        rules.start()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
            ended_well = loop.run(_serve(settings, target, runner, rules.current))
    finally:
        rules.stop()
        past.close()
        store.close()
        held.close()
    log.info("core has stopped; %d calls priced, %d bytes wait", runner.processed, runner.lag_bytes)
    if not ended_well:
        raise SystemExit(1)


async def _serve(
    settings: Settings, target: EmbeddedTarget, runner: EmbeddedRunner, rules: Callable[[], RuleBook]
) -> bool:
    """Serve until a signal; whether the runner lived until then."""
    signals = StopSignals.listening()
    registry = CollectorRegistry()
    watch(runner, registry)
    loop = asyncio.get_running_loop()
    thread = RunnerThread(runner, lambda: loop.call_soon_threadsafe(signals.stop.set))
    died: list[str] = []

    def notifier_died() -> None:
        died.append("notifier")
        signals.stop.set()

    ledger = EmbeddedLedger(rules, settings.data_dir / STATE_NAME)
    live = Live(StateTotals(settings.data_dir / STATE_NAME), lambda project: rules().time_zone(project))
    telling_now = telling(settings, runner, settings.data_dir / STATE_NAME, registry, notifier_died)
    async with serving(settings, target, registry, ledger, live), telling_now as stop_telling:
        thread.start()
        garbage.settle()
        await signals.stop.wait()
        end_by(END_S, lambda: bool(died) or thread.failed or thread.is_alive())
        stop_telling.set()
        await asyncio.to_thread(thread.finish)
    return not thread.failed and not died


class RunnerThread(threading.Thread):
    """The runner's thread, which tells how it ended."""

    def __init__(self, runner: EmbeddedRunner, on_end: Callable[[], object]) -> None:
        super().__init__(name="runner", daemon=True)
        self._runner = runner
        self._stop_asked = threading.Event()
        self._on_end = on_end
        self.failed = False

    def run(self) -> None:
        """Run the runner."""
        try:
            self._runner.run(self._stop_asked)
            self.failed = not self._stop_asked.is_set()
        except Exception:
            self.failed = True
            log.exception("the runner has died")
        finally:
            self._on_end()

    def finish(self) -> None:
        """Let it take what is there, and wait for its end."""
        self._stop_asked.set()
        self.join()


def end_by(seconds: float, badly: Callable[[], bool]) -> None:
    """End the process after that time, whatever it is at: nothing that was acknowledged is lost by it."""

    def end() -> None:
        log.warning("not stopped after %.1f s: ended", seconds)
        os._exit(1 if badly() else 0)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
