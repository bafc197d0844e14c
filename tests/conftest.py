"""Hooks of the whole suite: what may be skipped, when a skip is a failure, and what is told of failures."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# How long an example takes says more of the machine's load than of the code; tests have a time-out.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

LOG_CHARS = 3000
"""Of each process's log, in the report of a failure."""
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
    """Turn a skip into a failure if everything is required; tell what the processes of a failed test said."""
    report: pytest.TestReport = yield
    if report.failed:
        report.sections += _logs(item)
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} may not be skipped here: {reason}"
    return report


def _logs(item: pytest.Item) -> list[tuple[str, str]]:
    """The ends of the logs in the test's own directory."""
    directory = getattr(item, "funcargs", {}).get("tmp_path")
    if not isinstance(directory, Path):
        return []
    logs = sorted(path for path in directory.rglob("*log") if path.is_file())
    return [(f"end of {path.name}", path.read_text(errors="replace")[-LOG_CHARS:]) for path in logs]
