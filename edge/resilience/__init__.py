"""What to do when a provider fails: retries, fallbacks, circuit breakers. Pure: time is an argument.

`retry` and `retry_after` know how long to wait, `plan` what may be tried, `steps` what comes next, `breaker`
and `balance` which deployment takes the try.
"""
