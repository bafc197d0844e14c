"""Writes the table of docs/pricing.md from the fixtures."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.stream_processors.pricing.fixtures import FIXTURES, Fixture, value

PATH = Path(__file__).parents[3] / "docs" / "pricing.md"
BEGIN = "<!-- fixtures: written by `make reference` -->\n"
END = "<!-- end -->\n"
_SIGNS = str.maketrans({"*": "·", "_": "\N{NARROW NO-BREAK SPACE}"})


def with_table(text: str) -> str:
    """The page with its table as the fixtures have it."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n".join(_lines()) + "\n" + END + after


def _lines() -> Iterator[str]:
    yield "| usage | provider, model | day | input | output | fees | cost, nano-dollars |"
    yield "|---|---|---|---|---|---|---:|"
    for fixture in FIXTURES:
        yield "| " + " | ".join(_cells(fixture)) + " |"


def _cells(fixture: Fixture) -> list[str]:
    day = datetime.fromtimestamp(fixture.at_us // 1_000_000, UTC).date().isoformat()
    start = [fixture.name, f"{fixture.provider} `{fixture.model}`", day]
    if not fixture.priced:
        return [*start, "", "", "", "not priced"]
    sums = [fixture.input_sum, fixture.output_sum, fixture.fee_sum]
    shown = ["" if text == "0" else text.translate(_SIGNS) for text in sums]
    return [*start, *shown, f"{sum(map(value, sums)):_}".translate(_SIGNS)]


if __name__ == "__main__":
    PATH.write_text(with_table(PATH.read_text(encoding="utf-8")), encoding="utf-8")
