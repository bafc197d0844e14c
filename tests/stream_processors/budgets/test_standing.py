from tallygate.schemas.records import RuleState
from tallygate.schemas.totals import RuleProgress
from tallygate.stream_processors.budgets.evaluator import Evaluator
from tallygate.stream_processors.budgets.standing import standings
from tests.stream_processors.budgets.sums import DAY_US, NOON_US, USD, book, rule, totals


def test_groups_stand_nearest_to_the_limit_first_and_say_what_fires() -> None:
    of = rule(group_by="user", thresholds_percent=(50, 100))
    sums = [
        totals(of, group="ada", cost_nanos=30 * USD),
        totals(of, group="ada", cost_nanos=30 * USD, partition=1, requests=2),
        totals(of, group="bob", cost_nanos=90 * USD),
        totals(of, NOON_US - DAY_US, group="eve", cost_nanos=90 * USD),
        totals(of, group="old", counting_revision=0, cost_nanos=90 * USD),
    ]
    evaluator = Evaluator()
    evaluator.use(book(of))
    for each in sums:
        evaluator.take(each)
    states = [state for state in evaluator.tick(NOON_US).states.values() if state is not None]
    found = standings(of, sums, states, NOON_US)
    assert [(each.group, each.value, each.percent, each.firing) for each in found.groups] == [
        ("bob", 90 * USD, 90.0, (50,)),
        ("ada", 60 * USD, 60.0, (50,)),
    ]
    assert found.groups[1].requests == 3
    assert not found.pending


def test_a_rule_for_all_stands_at_nothing_before_its_first_call() -> None:
    found = standings(rule(), [], [], NOON_US)
    assert [(each.group, each.value, each.percent) for each in found.groups] == [("", 0, 0.0)]


def test_what_is_not_counted_yet_is_told() -> None:
    of = rule()
    progress = RuleProgress(since_us=NOON_US)
    assert standings(of, [totals(of, progress=progress)], [], NOON_US).pending
    done = progress.model_copy(update={"backfilled": True})
    assert not standings(of, [totals(of, progress=done)], [], NOON_US).pending


def test_projections_and_states_of_an_earlier_counting() -> None:
    of = rule(kind="projected", counting_revision=2)
    state = RuleState(project="default", rule_id=of.rule_id, counting_revision=1)
    (found,) = standings(of, [totals(of, cost_nanos=50 * USD)], [state], NOON_US).groups
    assert (found.projected, found.percent, found.firing) == (100 * USD, 50.0, ())
