"""Budgets and alert rules, evaluated over the running sums of rules. Pure: every function takes the time.

`part` is what a rule needs of a sum, `reading` a rule's value over a window, `judge` what a value means for
what was told before, `alerts` the records of that, `allowance` what edges are told, and `evaluator` holds a
whole accounting and looks at what has changed or is due.
"""
