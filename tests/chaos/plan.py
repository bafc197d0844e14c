"""What is done to a system, and when: made from a seed, so that a run can be repeated. Pure."""

import random
from collections.abc import Sequence
from typing import NamedTuple


class Blow(NamedTuple):
    """One thing done to a part of the system."""

    at_s: float
    """Seconds after the load has begun."""
    kind: str


def blows(seed: int, count: int, kinds: Sequence[str], every_s: float) -> list[Blow]:
    """`count` blows, on average one each `every_s`, at random times; each kind comes about equally often."""
    chance = random.Random(seed)
    chosen: list[str] = []
    while len(chosen) < count:
        deck = list(kinds)
        chance.shuffle(deck)
        chosen += deck
    at_s = every_s / 2
    planned = []
    for kind in chosen[:count]:
        planned.append(Blow(round(at_s, 2), kind))
        at_s += every_s * chance.uniform(0.5, 1.5)
    return planned


def table(planned: Sequence[Blow], done: Sequence[str]) -> str:
    """The blows as lines, with what each hit."""
    lines = [f"{'at':>7}  {'blow':<24}  hit"]
    lines += [f"{blow.at_s:>6.1f}s  {blow.kind:<24}  {hit}" for blow, hit in zip(planned, done, strict=False)]
    return "\n".join(lines)
