from decimal import Decimal

import pytest

from tallygate.control.accounting.amounts import amount, fitting
from tallygate.control.errors import InvalidError


@pytest.mark.parametrize(
    ("metric", "given", "expected"),
    [
        ("cost", {"limit_usd": Decimal(50)}, 50_000_000_000),
        ("cost", {"limit_usd": Decimal("0.000000001")}, 1),
        ("cost", {"limit": 7}, 7),
        ("requests", {"limit": 7, "limit_usd": None}, 7),
        ("latency_p95", {"limit_ms": Decimal("1.5")}, 1500),
        ("ttft_p50", {"limit": 1500}, 1500),
        ("error_rate", {"limit_percent": Decimal("2.5")}, 25_000),
        ("cache_hit_rate", {"limit": 1_000_000}, 1_000_000),
        ("cost", {}, None),
        ("cost", {"min_value": 7}, None),
    ],
)
def test_amounts_in_the_metrics_unit(metric: str, given: dict[str, Decimal], expected: int | None) -> None:
    assert amount("limit", metric, given) == expected


@pytest.mark.parametrize(
    ("metric", "given", "param", "told"),
    [
        ("requests", {"limit_usd": Decimal(5)}, "limit_usd", "requests is not measured in that: give limit"),
        ("cost", {"limit_ms": Decimal(5)}, "limit_ms", "give limit_usd or limit"),
        ("latency_p50", {"limit_percent": Decimal(5)}, "limit_percent", "give limit_ms or limit"),
        ("error_rate", {"limit": 1_000_001}, "limit", "at most 1000000"),
        ("cost", {"limit": 1, "limit_usd": Decimal(1)}, "limit", "only one of limit and limit_usd"),
    ],
)
def test_mistakes(metric: str, given: dict[str, Decimal], param: str, told: str) -> None:
    with pytest.raises(InvalidError, match=told) as caught:
        amount("limit", metric, given)
    assert caught.value.param == param


def test_what_fits() -> None:
    assert fitting("min_value", "cost") == "min_value_usd or min_value"
    assert fitting("limit", "total_tokens") == "limit"
