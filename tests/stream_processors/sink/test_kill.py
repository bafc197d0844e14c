"""`kill -9` of the process that inserts: what is held is a prefix, each call once, in rows and in rollups."""

import random
import subprocess
import sys
import threading
from pathlib import Path

KILLS = 5
ROOT = Path(__file__).parents[3]

_LOOK = """
import sys
from pathlib import Path
from tallygate.runtime.clickhouse import EmbeddedTarget, connect
session = connect(EmbeddedTarget(Path(sys.argv[1])))
for query in (
    "SELECT count(), uniqExact(origin_seq), max(origin_seq), sum(cost_nanos) FROM call_log"
    " SETTINGS optimize_use_projections = 0",
    "SELECT sum(requests), sum(requests), 0, sum(cost_nanos) FROM usage_hourly",
    "SELECT sum(requests), sum(requests), 0, sum(cost_nanos) FROM usage_daily",
):
    sys.stdout.write(" ".join(str(value) for value in session.rows(query)[0]) + "\\n")
"""


def _write_and_kill(path: Path, *, batches: int, pause_ms: float) -> tuple[int, int]:
    """Let a writer run for a while; what it found at start, and what it last acknowledged."""
    command = [sys.executable, "-m", "tests.stream_processors.sink.writer_process", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(batches + 1)]
        threading.Event().wait(pause_ms / 1000)
        writer.kill()
        lines += writer.stdout.read().splitlines()
    numbers = [int(line) for line in lines if line.strip()]
    return numbers[0], numbers[-1]


def test_each_call_is_held_once_whenever_the_writer_dies(tmp_path: Path) -> None:
    chance = random.Random(5)
    acknowledged = 0
    for _ in range(KILLS):
        before = acknowledged
        batches, pause_ms = chance.randint(1, 5), chance.random() * 80
        applied, acknowledged = _write_and_kill(tmp_path / "chdb", batches=batches, pause_ms=pause_ms)
        assert applied >= before
    look = subprocess.run(
        [sys.executable, "-c", _LOOK, str(tmp_path / "chdb")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    numbers = [[int(text) for text in line.split()] for line in look.stdout.splitlines()]
    (count, unique, highest, cost), *rollups = numbers
    assert count == unique == highest >= acknowledged > 0
    assert cost == highest * (highest + 1) // 2
    assert [(found[0], found[3]) for found in rollups] == [(count, cost)] * 2
