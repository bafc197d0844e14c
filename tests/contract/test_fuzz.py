"""Whatever is sent to the gateway and to the query API: no failure inside, no hang, and the process lives."""

import time

import httpx2
import pytest
from hypothesis import HealthCheck, given, seed, settings

from tests.contract.conftest import System
from tests.contract.fuzz import BODIES, FUZZ_S, PATHS, Counts, Made, api_requests, requests

SURFACES = {"gateway": requests(PATHS, BODIES), "api": api_requests()}


@pytest.mark.timeout(FUZZ_S * 3 + 300)
@pytest.mark.parametrize("surface", SURFACES)
def test_nothing_that_is_sent_breaks_it(surface: str, system: System) -> None:
    base = system.gateway.url if surface == "gateway" else system.gateway.api
    port = int(base.rpartition(":")[2])
    counts = Counts()
    end = time.monotonic() + FUZZ_S

    @settings(max_examples=1_000_000, database=None, suppress_health_check=list(HealthCheck))
    @seed(time.time_ns())
    @given(made=SURFACES[surface])
    def send(made: Made) -> None:
        # On a busy machine the first requests are long in the making: some must be sent whatever the time.
        if time.monotonic() < end or counts.sent() <= 2 * FUZZ_S:
            counts.send(port, made)
        else:
            raise Enough

    with pytest.raises(Enough):
        send()
    print(f"\n{surface}: {counts.sent()} requests, slowest {counts.slowest_s:.2f} s, {dict(counts.statuses)}")
    assert counts.faults[:1] == []
    assert system.process.exit_code is None
    assert httpx2.get(f"{base}/readyz").status_code == 200


class Enough(BaseException):
    """The time is over."""
