"""`make chaos`: the long form, with many blows at both ways to run."""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tallygate.infra.kafka.dev_broker import free_port
from tests.chaos.distributed import DistributedFleet
from tests.chaos.embedded import EmbeddedFleet
from tests.chaos.fleet import Fleet
from tests.chaos.receiver import Receiver
from tests.chaos.run import run
from tests.end_to_end.stack import command
from tests.support.distributed_system import ClickHouse
from tests.support.kafka_broker import running_broker

EVERY_S = 5.0


def main() -> int:
    """Run, and end with 0 if every account was equal."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--blows", type=int, default=25, help="at each way to run")
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run, to repeat it")
    parser.add_argument("--mode", choices=["embedded", "distributed", "both"], default="both")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    modes = ("embedded", "distributed") if options.mode == "both" else (options.mode,)
    for mode in modes:
        with tempfile.TemporaryDirectory(prefix="tallygate-chaos-") as place, Receiver() as receiver:
            sys.stdout.write(f"\n{mode}: {options.blows} blows, seed {seed}, in {place}\n")
            with fleet_of(mode, Path(place), receiver, seed) as fleet:
                asyncio.run(run(fleet, receiver, seed, options.blows, EVERY_S))
    return 0


@contextmanager
def fleet_of(mode: str, place: Path, receiver: Receiver, seed: int) -> Iterator[Fleet]:
    """A running system with its providers; it ends with the block."""
    with ExitStack() as stack:
        port = free_port()
        simulator = stack.enter_context(
            command("simulator", "--port", str(port), env={}, log=place / "simulator.log")
        )
        assert simulator.exit_code is None
        address = f"http://127.0.0.1:{port}"
        fleet: EmbeddedFleet | DistributedFleet
        if mode == "embedded":
            fleet = EmbeddedFleet(address, place, receiver, seed)
        else:
            broker = stack.enter_context(running_broker(place / "kafka"))
            (place / "clickhouse").mkdir()
            clickhouse = ClickHouse(place / "clickhouse")
            clickhouse.start()
            stack.callback(clickhouse.kill)
            fleet = DistributedFleet(address, broker, clickhouse, place, receiver, seed)
        stack.callback(fleet.clear)
        fleet.start()
        yield fleet
        fleet.stop()


if __name__ == "__main__":
    sys.exit(main())
