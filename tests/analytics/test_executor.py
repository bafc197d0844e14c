"""The queue before ClickHouse is bounded."""

import asyncio
import threading

import pytest

from tallygate.analytics.errors import RequestError
from tallygate.analytics.executor import QueryExecutor
from tallygate.runtime.tasks import spawn
from tests.support.wait import eventually


async def test_beyond_the_bound_a_caller_is_told_at_once() -> None:
    executor = QueryExecutor(threads=1, max_waiting=1)
    go = threading.Event()
    tasks = [spawn(executor.run(lambda: go.wait(10)), name=f"query-{n}") for n in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(RequestError) as refused:
        await executor.run(lambda: None)
    assert (refused.value.status, refused.value.body.error.code) == (503, "too_many_queries")
    go.set()
    assert await asyncio.gather(*tasks) == [True, True]
    assert await eventually(lambda: executor.run(lambda: "served"))
    executor.close()


async def test_a_query_counts_until_it_has_ended_though_its_caller_left() -> None:
    executor = QueryExecutor(threads=1, max_waiting=0)
    go, begun = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait(10)

    task = spawn(executor.run(work), name="query")
    await eventually(begun.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(RequestError):
        await executor.run(lambda: None)
    go.set()
    assert await eventually(lambda: executor.run(lambda: "served"))
    executor.close()


async def test_errors_reach_the_caller() -> None:
    executor = QueryExecutor()
    with pytest.raises(ZeroDivisionError):
        await executor.run(lambda: 1 // 0)
    executor.close()
