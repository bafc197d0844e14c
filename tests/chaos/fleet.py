"""A system of real processes, and what can be done to each of them."""

import asyncio
import base64
import os
import random
import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

from tallygate.stream_processors.replay.log import EventLog
from tests.chaos.receiver import Receiver
from tests.end_to_end.stack import Gateway, children
from tests.support.accounts import Account, Key
from tests.support.processes import Started

Blows = Mapping[str, Callable[[], Awaitable[str]]]
"""By kind: do it, and say what was hit."""
QUIET_S = 4.0
"""How long something stays frozen or away."""


class Fleet(Protocol):
    """A running system under load."""

    gateway: Gateway

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        ...

    @property
    def blows(self) -> Blows:
        """What can be done to it."""
        ...

    def calm(self) -> None:
        """Nothing more will be done: everything that was ended runs again."""
        ...

    def log(self) -> EventLog:
        """Its event log."""
        ...

    async def totals(self) -> dict[Key, Account]:
        """Its running totals."""
        ...

    def stop(self) -> None:
        """End it, as an operator does; everything has to end well."""
        ...

    def clear(self) -> None:
        """End whatever is still there."""
        ...


def environment(
    simulator: str, directory: Path, ports: tuple[int, int], receiver: Receiver
) -> dict[str, str]:
    """Settings that both ways to run share."""
    return {
        "TALLYGATE_EDGE_PORT": str(ports[0]),
        "TALLYGATE_API_PORT": str(ports[1]),
        "TALLYGATE_EDGE_WORKERS": "2",
        "TALLYGATE_PROVIDERS__OPENAI__BASE_URL": f"{simulator}/v1",
        # Each process has a data directory of its own; what they share is here.
        "TALLYGATE_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
        "TALLYGATE_CONTROL__DSN": f"sqlite:///{directory / 'control.db'}",
        "TALLYGATE_OUTBOX__FULL_POLICY": "refuse",
        "TALLYGATE_NOTIFY__ALLOW_PRIVATE": receiver.networks,
    }


def kill_child(parent: Started, word: str, chance: random.Random) -> str:
    """`kill -9` one of the processes below a supervisor."""
    pids = children(parent, word)
    if not pids:
        return "(none there just now)"
    pid = chance.choice(pids)
    os.kill(pid, signal.SIGKILL)
    return f"process {pid}"


async def freeze_child(parent: Started, word: str, chance: random.Random) -> str:
    """Stop one for a while, as a machine that is moved does."""
    pids = children(parent, word)
    if not pids:
        return "(none there just now)"
    pid = chance.choice(pids)
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(QUIET_S)
    os.kill(pid, signal.SIGCONT)
    return f"process {pid}, {QUIET_S:.0f} s"
