"""A budget with reservation is never overshot, by whatever comes at once and whoever is killed."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.end_to_end.conftest import Embedded
from tests.end_to_end.stack import children
from tests.end_to_end.test_budgets import BODY, create_rule
from tests.support.wait import eventually_sync

pytestmark = pytest.mark.timeout(240)
LIMIT_USD = "0.001"
COSTS = "SELECT sum(cost_nanos), count() FROM calls WHERE user_id = {user:String} AND status = 200"


def test_nothing_overshoots_a_budget_with_reservation_though_the_accounting_is_behind(
    embedded: Embedded,
) -> None:
    options = ["--limit-usd", LIMIT_USD, "--window", "month", "--where", "user_id=hard", "--action", "block"]
    create_rule(embedded.env, "Hard", *options, "--reserve")
    limit_nanos = 1_000_000
    url = embedded.gateway.url

    def paid(max_tokens: int | None = 40) -> tuple[int, str]:
        headers = {"Authorization": "Bearer sk-test", "Tallygate-User-Id": "hard"}
        body = BODY if max_tokens is None else BODY | {"max_tokens": max_tokens}
        answer = httpx2.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=60)
        message = "" if answer.status_code == 200 else str(answer.json()["error"]["message"])
        return answer.status_code, message

    # In force once a call that may cost more than there is, is refused.
    assert eventually_sync(lambda: paid(100_000)[0] == 402, within_s=30.0)
    assert "may cost up to $" in paid(100_000)[1]
    with ThreadPoolExecutor(16) as pool:
        answers = [status for status, _ in pool.map(paid, [40] * 80)]
        (core,) = children(embedded.process, "core")
        subprocess.run(["kill", "-9", str(core)], check=True)
        answers += [status for status, _ in pool.map(paid, [40] * 80)]
    assert set(answers) == {200, 402}
    eventually_sync(embedded.gateway.ready, within_s=60.0)

    def counted() -> int:
        cost, count = embedded.gateway.sql(COSTS, user="hard")[0]
        return int(cost or 0) if int(count) >= answers.count(200) else 0

    cost = eventually_sync(counted, within_s=30.0)
    # What was set aside is free again once it is counted: the rest can be used up to a call's worst case.
    while (answer := paid())[0] == 200:
        pass
    assert "left until" in answer[1]

    def settled() -> bool:
        nonlocal cost
        before, cost = cost, int(embedded.gateway.sql(COSTS, user="hard")[0][0])
        return cost == before

    eventually_sync(settled, every_s=1.0)
    print(f"spent {cost} of {limit_nanos} nano-dollars in {answers.count(200)} calls and more")
    assert limit_nanos // 2 < cost <= limit_nanos
