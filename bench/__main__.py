"""`python -m bench`: calls through one edge worker against the same calls made directly, with a rate limit,
and answered from the cache.

Load, gateway and simulator share the machine's cores, so that the figures are far below what the gateway
alone can do; the comparison between the arms, which are measured by turns, is what counts.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tallygate.infra import readiness
from tallygate.infra.demo.setup import free_port, provider_environment
from tallygate.infra.process import StopSignals
from tallygate.infra.supervisor import ChildSpec, Supervisor
from tallygate.runtime.tasks import spawn

BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "How much was it? " * 40}]}
HEADERS = {"authorization": "Bearer sk-simulator-bench"}


@dataclass
class Arm:
    """One way for the calls to go."""

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def line(self) -> str:
        """Its figures."""
        cuts = statistics.quantiles(self.seconds, n=100)
        rate = statistics.median(self.rates)
        p50_ms, p99_ms = cuts[49] * 1e3, cuts[98] * 1e3
        return f"{self.name:<8} {rate:8.0f} calls/s   p50 {p50_ms:6.2f} ms   p99 {p99_ms:6.2f} ms"


async def measure(arm: Arm, calls: int, concurrency: int) -> None:
    """Make the calls, so many at once, and keep their times."""
    left = iter(range(calls))

    async def caller(session: aiohttp.ClientSession) -> None:
        for _ in left:
            begun = time.perf_counter()
            url = f"{arm.url}/v1/chat/completions"
            async with session.post(url, json=BODY, headers=arm.headers) as answer:
                await answer.read()
                answer.raise_for_status()
            arm.seconds.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    async with aiohttp.ClientSession(headers=HEADERS, connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(caller(session) for _ in range(concurrency)))
    arm.rates.append(calls / (time.perf_counter() - begun))


@asynccontextmanager
async def system(directory: Path) -> AsyncIterator[tuple[str, str]]:
    """A simulator and an edge worker; their addresses."""
    simulator, edge = free_port(), free_port()
    urls = f"http://127.0.0.1:{simulator}", f"http://127.0.0.1:{edge}"
    environment = provider_environment(urls[0], ["openai"]) | {
        "TALLYGATE_DATA_DIR": str(directory),
        "TALLYGATE_EDGE_PORT": str(edge),
    }
    children = [
        ChildSpec("simulator", ("simulator", "--port", str(simulator)), stage=1),
        ChildSpec("edge", ("edge-worker", "--index", "0"), environment=environment),
    ]
    signals = StopSignals()
    supervisor = Supervisor(children)
    running = spawn(supervisor.run(signals), name="supervisor")
    try:
        for port in (simulator, edge):
            await readiness.wait_ready("127.0.0.1", port, unless=running.done)
        yield urls
    finally:
        signals.ask()
        await running


async def main(calls: int, concurrency: int, rounds: int) -> None:
    """Measure all arms by turns and print them."""
    with tempfile.TemporaryDirectory() as directory:
        async with system(Path(directory)) as (direct, gateway):
            arms = [
                Arm("direct", direct),
                Arm("gateway", gateway),
                Arm("limited", gateway, {"Tallygate-RateLimit-Policy": "400000000;w=60"}),
                Arm("cached", gateway, {"Tallygate-Cache-Enabled": "true"}),
            ]
            for arm in arms:
                await measure(Arm(arm.name, arm.url, arm.headers), calls // 10, concurrency)
            for _ in range(rounds):
                for arm in arms:
                    await measure(arm, calls, concurrency)
    print(f"{rounds} rounds of {calls} calls, {concurrency} at once")
    for arm in arms:
        print(arm.line())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    asyncio.run(main(given.calls, given.concurrency, given.rounds))
