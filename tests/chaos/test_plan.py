"""A run of the chaos suite can be repeated."""

from tests.chaos import plan


def test_a_seed_makes_the_same_blows_again() -> None:
    kinds = ["a", "b", "c"]
    planned = plan.blows(7, 10, kinds, 5.0)
    assert planned == plan.blows(7, 10, kinds, 5.0) != plan.blows(8, 10, kinds, 5.0)
    assert [blow.at_s for blow in planned] == sorted(blow.at_s for blow in planned)
    assert {blow.kind for blow in planned[:3]} == set(kinds)
    assert plan.table(planned, ["hit"]).count("\n") == 1
