"""The prices that a restatement uses: the list's of a day, or a file of prices."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from tallygate.schemas.rules import PriceOverride
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.pricing.catalogue import PriceList
from tallygate.stream_processors.pricing.overrides import Overrides

MAX_ENTRIES = 10_000
_FIELDS = frozenset({"provider", "model", "prices", "tiers", "per_request", "multipliers"})


class PricesError(ValueError):
    """The prices can't be used; the message says why."""


@dataclass(frozen=True, slots=True)
class OtherPrices:
    """What `--prices` names."""

    name: str
    """For the restatement, if it is given no other."""
    day: date | None = None
    entries: tuple[PriceOverride, ...] = ()
    """Of a file: they come before the projects' own prices and the list's."""

    def pricer(self, projects: Iterable[str], own: Overrides) -> Pricer:
        """A pricer by these prices, for calls of these projects, each with what it has agreed on."""
        overrides = {project: (*self.entries, *own.get(project, ())) for project in projects}
        return Pricer(PriceList(self.day), overrides=lambda: overrides)


def read(text: str) -> OtherPrices:
    """Understand a day (`2026-01-31`), or the path of a YAML or JSON file with a list of prices, which may be
    the `prices` of a mapping.

    Raises:
        PricesError: it is neither, or the file's content is wrong.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return _from_file(Path(text))
    if not 2020 <= day.year <= 2100:
        raise PricesError(f"{text}: no such prices")
    return OtherPrices(text, day=day)


def _from_file(path: Path) -> OtherPrices:
    if not path.is_file():
        raise PricesError(f"{path}: neither a day such as 2026-01-31 nor a file")
    try:
        # The base loader keeps every scalar a text: a price must not pass through a float.
        found: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PricesError(f"{path}: {' '.join(str(error).split())}") from error
    entries = found.get("prices") if isinstance(found, dict) else found
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_ENTRIES:
        raise PricesError(f"{path}: must be a list of prices, each with `model` and `prices`")
    return OtherPrices(path.stem, entries=tuple(_entry(path, n, entry) for n, entry in enumerate(entries)))


def _entry(path: Path, number: int, entry: Any) -> PriceOverride:
    where = f"{path}: entry {number + 1}"
    if not isinstance(entry, dict):
        raise PricesError(f"{where} is no mapping")
    if unknown := sorted(set(entry) - _FIELDS):
        raise PricesError(f"{where}: {unknown[0]!r} is none of {', '.join(sorted(_FIELDS))}")
    mine = {"price_id": f"{path.name}#{number + 1}", "project": "", "created_at_us": time.time_ns() // 1000}
    try:
        return PriceOverride.model_validate(mine | entry)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise PricesError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
