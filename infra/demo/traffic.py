"""Making a scenario's calls at a rate."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import aiohttp

from tallygate.infra.demo.scenario import Ask, Scenario
from tallygate.runtime.tasks import spawn

MAX_IN_FLIGHT = 500
"""Calls beyond it are left out: a gateway that hangs must not fill this process."""
CALL_TIMEOUT_S = 60.0


@dataclass(slots=True)
class Tally:
    """What came back."""

    sent: int = 0
    left_out: int = 0
    in_flight: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    """By HTTP status, or `broken` if the connection ended early."""

    def line(self) -> str:
        """One line for people."""
        good = sum(count for status, count in self.by_status.items() if status.startswith("2"))
        bad = ", ".join(
            f"{status}: {count}" for status, count in sorted(self.by_status.items()) if status[0] != "2"
        )
        return f"{self.sent} calls, {good} ok" + (f", {bad}" if bad else "")


class Traffic:
    """Calls to a gateway at random moments of a mean rate."""

    def __init__(self, gateway: str, per_second: float, seed: int = 1) -> None:
        self.tally = Tally()
        self._gateway = gateway.rstrip("/").removesuffix("/v1")
        self._per_second = per_second
        self._chance = random.Random(seed)  # noqa: S311 - nothing secret is drawn
        self._asks: Iterator[Ask] = Scenario(seed).asks()

    async def run(self, duration_s: float | None = None) -> Tally:
        """Call until cancelled, or for that long and until the last answer."""
        loop = asyncio.get_running_loop()
        begun = at = loop.time()
        calls: set[asyncio.Task[None]] = set()
        timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            while duration_s is None or at - begun < duration_s:
                at += self._chance.expovariate(self._per_second)
                await asyncio.sleep(max(0.0, at - loop.time()))
                if self.tally.in_flight >= MAX_IN_FLIGHT:
                    self.tally.left_out += 1
                    continue
                call = spawn(self._call(session, next(self._asks)), name="demo call")
                calls.add(call)
                call.add_done_callback(calls.discard)
            await asyncio.gather(*calls)
        return self.tally

    async def _call(self, session: aiohttp.ClientSession, ask: Ask) -> None:
        self.tally.sent += 1
        self.tally.in_flight += 1
        try:
            async with session.post(self._gateway + ask.path, json=ask.body, headers=ask.headers) as answer:
                await answer.read()
                self.tally.by_status[str(answer.status)] += 1
        except (aiohttp.ClientError, OSError, TimeoutError):
            self.tally.by_status["broken"] += 1
        finally:
            self.tally.in_flight -= 1
