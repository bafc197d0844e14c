"""Calls of the log priced by other prices, beside what was recorded."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tallygate.runtime.clickhouse import EmbeddedTarget, connect
from tallygate.stream_processors.pricing import Pricer
from tallygate.stream_processors.replay import prices
from tallygate.stream_processors.replay.log import Span
from tallygate.stream_processors.replay.outbox_log import OutboxLog
from tallygate.stream_processors.replay.prices import OtherPrices, PricesError
from tallygate.stream_processors.replay.restate import Restated, projects, restate
from tallygate.stream_processors.sink.store import ClickHouseStore
from tallygate.stream_processors.store import Placed
from tests.stream_processors.pricing.fixtures import chat
from tests.support import factories
from tests.support.chdb_engine import migrated_target
from tests.support.outboxes import FilledOutbox

NOV_2026_US = 1_794_000_000_000_000  # 2026-11-06
MODELS = ("mistral-small-latest", "mistral-small-latest", "no-such-model")
USAGE = chat(1_000, 100)
RECORDED = 2 * (1_000 * 150 + 100 * 600)
"""At the price of November 2026."""


class Place:
    """A log of three calls, all of them in the table of calls."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.target: EmbeddedTarget = migrated_target()
        outbox = FilledOutbox(directory / "outbox")
        for model in MODELS:
            outbox.add(
                factories.response_event(
                    project="acme",
                    provider="mistral",
                    model=model,
                    model_requested=model,
                    attempts=(),
                    usage=USAGE,
                    received_at_us=NOV_2026_US,
                    ended_at_us=NOV_2026_US + 1,
                )
            )
        outbox.close()
        store = ClickHouseStore(self.target)
        pricer = Pricer()
        store.insert_calls(0, [Placed(e.origin.seq, pricer.price(e)) for e in outbox.responses])
        store.close()

    def restate(self, wanted: OtherPrices, name: str = "") -> Restated:
        pricer = wanted.pricer(projects(self.target), {})
        events = OutboxLog(self.directory / "outbox", Span())
        return restate(self.target, events, pricer, name or wanted.name, lambda _done: None)

    def shown(self, name: str) -> Sequence[tuple[object, ...]]:
        session = connect(self.target)
        try:
            return session.rows(
                "SELECT model, priced, cost_nanos FROM restated"
                " WHERE restatement = {name:String} AND project = 'acme' ORDER BY ALL",
                {"name": name},
            )
        finally:
            session.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_by_the_prices_of_a_day(place: Place) -> None:
    restated = place.restate(prices.read("2025-10-09"))
    assert (restated.name, restated.calls, restated.missing, restated.bad) == ("2025-10-09", 3, 0, 0)
    mistral, unknown = restated.differences
    assert (mistral.model, mistral.calls) == (MODELS[0], 2)
    assert mistral.recorded_nanos == RECORDED
    assert mistral.restated_nanos == 2 * (1_000 * 100 + 100 * 300)
    assert (unknown.unpriced_recorded, unknown.unpriced_restated, unknown.nanos) == (1, 1, 0)
    assert place.shown("2025-10-09") == [
        (MODELS[0], True, 130_000),
        (MODELS[0], True, 130_000),
        ("no-such-model", False, None),
    ]


def test_by_a_file_and_again(place: Place) -> None:
    path = place.directory / "agreed.yaml"
    path.write_text(
        "prices: [{model: no-such-*, prices: {input: 0.1, output: '2'}, per_request: 0.000000001}]"
    )
    restated = place.restate(prices.read(str(path)))
    assert restated.name == "agreed"
    by_model = {difference.model: difference for difference in restated.differences}
    assert by_model["no-such-model"].restated_nanos == 1_000 * 100 + 100 * 2_000 + 1
    assert by_model["no-such-model"].unpriced_restated == 0
    assert by_model[MODELS[0]].nanos == 0
    path.write_text('[{"model": "*", "provider": "mistral", "multipliers": {"standard": "0.5"}}]')
    restated = place.restate(prices.read(str(path)), "agreed")
    assert {d.model: d.restated_nanos for d in restated.differences} == {
        MODELS[0]: RECORDED // 2,
        MODELS[2]: 0,
    }
    assert len(place.shown("agreed")) == 3


def test_recorded_costs_stay(place: Place) -> None:
    place.restate(prices.read("2025-10-09"))
    session = connect(place.target)
    assert session.rows("SELECT sum(cost_nanos) FROM calls") == [(RECORDED,)]
    session.close()


def test_what_the_table_lacks_is_told(place: Place) -> None:
    session = connect(place.target)
    session.command("TRUNCATE TABLE call_log")
    session.close()
    restated = place.restate(OtherPrices("now"))
    assert (restated.calls, restated.missing, list(restated.differences)) == (3, 3, [])


@pytest.mark.parametrize("name", ["", "it's", "a b", "x" * 65, "é"])
def test_bad_names_are_refused(place: Place, name: str) -> None:
    events = OutboxLog(place.directory / "outbox", Span())
    with pytest.raises(ValueError, match="a name has letters"):
        restate(place.target, events, Pricer(), name, lambda _done: None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be a list"),
        ("[]", "must be a list"),
        ("prices: 3", "must be a list"),
        ("{{", "expected"),
        ("- 3", "entry 1 is no mapping"),
        ("- {model: x, price: {input: '1'}}", "'price' is none of"),
        ("- {model: x, prices: {input: cheap}}", "entry 1: prices.input"),
        ("- {model: x, prices: {input: '-1'}}", "entry 1: prices.input"),
        ("- {model: x, prices: {inputs: '1'}}", "entry 1: prices.inputs"),
        ("- {prices: {input: '1'}}", "entry 1: model"),
    ],
)
def test_bad_files_are_explained(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    with pytest.raises(PricesError, match=said):
        prices.read(str(path))


@pytest.mark.parametrize("text", ["2026-13-01", "1999-01-01", "nowhere.yaml"])
def test_neither_a_day_nor_a_file(text: str) -> None:
    with pytest.raises(PricesError):
        prices.read(text)
