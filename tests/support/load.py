"""Calls at a steady rate, with a record of what each caller got."""

import asyncio
import random
import uuid
from dataclasses import dataclass, field

import aiohttp
import orjson

from tallygate.runtime.tasks import spawn


@dataclass
class Received:
    """What the callers of a load got."""

    label: str
    """Value of the property `Load` that all its calls carry."""
    cost_nanos: dict[str, int] = field(default_factory=dict)
    """By request id, of the calls whose whole answer arrived."""
    failed: dict[str, str] = field(default_factory=dict)
    """By request id, of the calls that broke, or were answered with an error."""

    @property
    def total_nanos(self) -> int:
        """Cost of all that was answered."""
        return sum(self.cost_nanos.values())


@dataclass(frozen=True)
class Load:
    """A number of chat calls at a rate; every third one streams."""

    gateway: str
    calls: int
    per_second: float
    seed: int = 1
    model: str = "gpt-4o-mini"
    input_nanos: int = 150
    """Price of an input token of the model (0.15 USD a million)."""
    output_nanos: int = 600

    async def run(self) -> Received:
        """Make the calls, each on schedule whatever became of the one before."""
        received = Received(label=str(uuid.uuid4()))
        chance = random.Random(self.seed)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        # No connection is kept: one that died with its worker would fail the next call too.
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            tasks = []
            for index in range(self.calls):
                await asyncio.sleep(max(0.0, begin + index / self.per_second - loop.time()))
                body = self._body(index, chance)
                tasks.append(spawn(self._call(session, body, received), name="call"))
            await asyncio.gather(*tasks)
        return received

    def _body(self, index: int, chance: random.Random) -> dict[str, object]:
        words = " ".join(chance.choice(("cost", "of", "every", "call")) for _ in range(chance.randint(1, 40)))
        body: dict[str, object] = {
            "model": self.model,
            "messages": [{"role": "user", "content": words}],
        }
        if index % 3 == 0:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return body

    async def _call(
        self, session: aiohttp.ClientSession, body: dict[str, object], received: Received
    ) -> None:
        request_id = str(uuid.uuid4())
        headers = {
            "Authorization": "Bearer sk-load",
            "Tallygate-Request-Id": request_id,
            "Tallygate-Property-Load": received.label,
            "Tallygate-User-Id": f"user-{hash(request_id) % 7}",
        }
        try:
            async with session.post(
                f"{self.gateway}/v1/chat/completions", json=body, headers=headers
            ) as answer:
                text = await answer.text()
                if answer.status != 200:
                    received.failed[request_id] = f"{answer.status} {text[:200]}"
                    return
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            received.failed[request_id] = repr(error)
            return
        usage = usage_of(text)
        received.cost_nanos[request_id] = (
            usage["prompt_tokens"] * self.input_nanos + usage["completion_tokens"] * self.output_nanos
        )


def usage_of(text: str) -> dict[str, int]:
    """The usage block of an answer, plain or streamed."""
    if not text.startswith("data:"):
        return dict(_json(text)["usage"])
    lines = [line for line in text.splitlines() if line.startswith("data: {")]
    events = [_json(line.removeprefix("data: ")) for line in lines]
    return dict(next(event["usage"] for event in reversed(events) if event.get("usage")))


def _json(text: str) -> dict[str, dict[str, int]]:
    value = orjson.loads(text)
    assert isinstance(value, dict)
    return value
