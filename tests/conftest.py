"""Hooks of the whole suite: what may be skipped, and when a skip is a failure."""

import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings

# How long an example takes says more of the machine's load than of the code; tests have a time-out.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

REQUIRE_ALL = os.environ.get("TALLYGATE_REQUIRE_ALL") == "1"
"""Set by continuous integration: a test that can't run is a failure there, with its reason."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs Kafka where no broker can be run, saying why."""
    wanting = [item for item in items if item.get_closest_marker("kafka")]
    if not wanting:
        return
    from tallygate.infra.kafka.dev_broker import available

    if (reason := available()) is not None:
        for item in wanting:
            item.add_marker(pytest.mark.skip(reason=f"no Kafka: {reason}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """Turn a skip into a failure if everything is required."""
    report: pytest.TestReport = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} may not be skipped here: {reason}"
    return report
