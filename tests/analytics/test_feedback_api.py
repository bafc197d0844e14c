"""Ratings and scores: given, replaced, counted once, and kept to their project."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tallygate.analytics.errors import RequestError
from tallygate.analytics.feedback.rows import FEEDBACK, Row, Table
from tallygate.analytics.feedback.writer import MAX_WAITING, FeedbackWriter
from tallygate.runtime.clickhouse import UnavailableError
from tests.support.api import Api, running_api, stored
from tests.support.factories import NOV_2026_US, call
from tests.support.wait import eventually

PERIOD = (("from", "2026-11-06"), ("to", "2026-11-08"))


async def rate(api: Api, request_id: str, rating: str, by: str = "", **more: Any) -> Any:
    """Rate a call."""
    return await api.post(
        f"/api/v1/requests/{request_id}/feedback", {"rating": rating, "given_by": by, **more}
    )


async def test_the_last_word_of_each_author_counts() -> None:
    one, two = call(model="a", received_at_us=NOV_2026_US), call(model="b", received_at_us=NOV_2026_US)
    async with running_api(stored([one, two])) as api:
        await rate(api, one.request_id, "down", "ann", comment="wrong")
        for _ in range(3):
            await rate(api, one.request_id, "up", "ann", comment="right 'after' all\n")
        told = await rate(api, one.request_id, "down", "bob")
        await rate(api, two.request_id, "up")
        await rate(api, two.request_id, "none")
        shown = await api.get(f"/api/v1/requests/{one.request_id}")
        by_model = await api.get("/api/v1/feedback", *PERIOD, ("by", "model"))
        rows = await api.rows("SELECT model, given_by, rating FROM feedback ORDER BY model, given_by")
    words = [(each["given_by"], each["rating"], each["comment"]) for each in told["feedback"]]
    assert words == [("bob", "down", ""), ("ann", "up", "right 'after' all\n")]
    assert shown["feedback"] == told["feedback"]
    assert by_model["groups"] == [{"group": "a", "up": 1, "down": 1, "up_rate": 0.5}]
    assert rows == [["a", "ann", 1], ["a", "bob", -1], ["b", "", 0]]


async def test_scores_by_name() -> None:
    one, two = (call(model="a", user_id=user, received_at_us=NOV_2026_US) for user in ("u1", "u2"))
    async with running_api(stored([one, two])) as api:
        await api.post(
            f"/api/v1/requests/{one.request_id}/scores", {"scores": {"accuracy": 0.5, "safe": True}}
        )
        told = await api.post(f"/api/v1/requests/{one.request_id}/scores", {"scores": {"accuracy": 1}})
        await api.post(
            f"/api/v1/requests/{two.request_id}/scores", {"scores": {"accuracy": 0}, "comment": "no"}
        )
        all_scores = (await api.get("/api/v1/scores", *PERIOD))["groups"]
        of_u1 = (await api.get("/api/v1/scores", *PERIOD, ("user", "u1")))["groups"]
        joined = await api.rows(
            "SELECT calls.user_id, sum(scores.value) FROM calls JOIN scores USING (request_id)"
            " WHERE scores.name = 'accuracy' GROUP BY calls.user_id ORDER BY 1"
        )
    assert {(each["name"], each["value"]) for each in told["scores"]} == {("accuracy", 1.0), ("safe", 1.0)}
    assert [(each["name"], each["count"], each["mean"]) for each in all_scores] == [
        ("accuracy", 2, 0.5),
        ("safe", 1, 1.0),
    ]
    assert [(each["name"], each["count"], each["mean"]) for each in of_u1] == [
        ("accuracy", 1, 1.0),
        ("safe", 1, 1.0),
    ]
    assert joined == [["u1", 1.0], ["u2", 0.0]]


async def test_calls_of_others_can_not_be_rated_or_read() -> None:
    theirs = call(project="other")
    async with running_api(stored([theirs])) as api:
        for word, body in (("feedback", {"rating": "up"}), ("scores", {"scores": {"x": 1}})):
            path = f"/api/v1/requests/{theirs.request_id}/{word}"
            assert (await api.post(path, body, status=404))["error"]["code"] == "not_found"
        assert await api.rows("SELECT count() FROM feedback") == [[0]]


@pytest.mark.parametrize(
    ("word", "body", "param"),
    [
        ("feedback", {}, "rating"),
        ("feedback", {"rating": 1}, "rating"),
        ("feedback", {"rating": "good"}, "rating"),
        ("feedback", {"rating": "up", "comment": "x" * 4097}, "comment"),
        ("feedback", {"rating": "up", "given_by": "x" * 257}, "given_by"),
        ("feedback", {"rating": "up", "project": "other"}, "project"),
        ("scores", {"scores": {}}, "scores"),
        ("scores", {"scores": {"": 1}}, "scores"),
        ("scores", {"scores": {"x" * 65: 1}}, "scores"),
        ("scores", {"scores": {f"{n}": 1 for n in range(65)}}, "scores"),
        ("scores", {"scores": {"x": "good"}}, "scores.x"),
        ("scores", {"scores": {"x": None}}, "scores.x"),
    ],
)
async def test_bad_words_are_named(word: str, body: Any, param: str) -> None:
    one = call()
    async with running_api(stored([one])) as api:
        error = (await api.post(f"/api/v1/requests/{one.request_id}/{word}", body, status=400))["error"]
    assert error["param"].startswith(param)


async def test_what_is_not_json_is_refused() -> None:
    one = call()
    async with running_api(stored([one])) as api:
        path = f"/api/v1/requests/{one.request_id}/feedback"
        async with api.client.post(path, data="rating=up") as response:
            assert response.status == 415
        async with api.client.post(path, data="{", headers={"Content-Type": "application/json"}) as response:
            assert response.status == 400


class Store:
    """Counts inserts; each waits until it may go on."""

    def __init__(self) -> None:
        self.inserts: list[int] = []
        self.fails = False
        self.gate = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def insert(self, table: Table, rows: Sequence[Row]) -> None:
        """As `Inserter.insert`."""
        assert table is FEEDBACK
        self.inserts.append(len(rows))
        asyncio.run_coroutine_threadsafe(self.gate.wait(), self._loop).result(timeout=30)
        if self.fails:
            raise UnavailableError("down")


async def test_words_that_come_together_are_one_insert() -> None:
    store = Store()
    writer = FeedbackWriter(FEEDBACK, store.insert)
    writes = [asyncio.gather(writer.write([{}]))]
    await eventually(lambda: len(store.inserts) == 1)
    writes += [asyncio.gather(writer.write([{}, {}])) for _ in range(50)]
    await asyncio.sleep(0)
    store.gate.set()
    await asyncio.gather(*writes)
    assert store.inserts == [1, 100]
    await writer.close()


async def test_a_store_that_is_down_is_told_to_all_who_wait_and_to_nobody_else() -> None:
    store = Store()
    writer = FeedbackWriter(FEEDBACK, store.insert)
    store.fails = True
    store.gate.set()
    results = await asyncio.gather(*(writer.write([{}]) for _ in range(5)), return_exceptions=True)
    assert {type(result) for result in results} == {UnavailableError}
    store.fails = False
    await writer.write([{}])


async def test_too_much_that_waits_is_refused() -> None:
    store = Store()
    writer = FeedbackWriter(FEEDBACK, store.insert)
    first = asyncio.gather(writer.write([{}]))
    await eventually(lambda: len(store.inserts) == 1)
    second = asyncio.gather(writer.write([{}] * MAX_WAITING))
    await asyncio.sleep(0)
    with pytest.raises(RequestError) as caught:
        await writer.write([{}])
    assert caught.value.status == 503
    store.gate.set()
    await asyncio.gather(first, second)
