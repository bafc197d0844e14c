"""`tallygate budgets` with rules of a test: `python -m … NAME`."""

import sys

from tallygate.runtime import config, logs
from tallygate.stream_processors.budget_keeper.process import run
from tests.stream_processors.budgets.sums import book, rule

LIMIT = 10
MONTH = {"kind": "calendar", "period": "month"}
RULE = rule(metric="requests", limit=LIMIT, window=MONTH, action="block", thresholds_percent=(50, 100))
RULES = book(RULE)
STEPS_LIMIT = 4_000
STEPS = book(
    rule(metric="requests", limit=STEPS_LIMIT, window=MONTH, thresholds_percent=tuple(range(1, 101)))
)
"""Told of at every fortieth call."""


if __name__ == "__main__":
    logs.configure("budgets", "INFO", "plain")
    rules = {"rules": RULES, "steps": STEPS}[sys.argv[1]]
    run(config.load(), lambda: rules)
