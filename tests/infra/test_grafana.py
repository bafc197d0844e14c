"""Grafana's dashboards: their SQL runs on this release's schema, their metrics are this release's."""

import itertools
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tallygate.runtime.clickhouse import Session, connect
from tallygate.runtime.config import Settings
from tallygate.runtime.metrics import NAMES, EdgeMetrics
from tests.infra.test_packaging import services
from tests.support.api import stored
from tests.support.factories import NOV_2026_US, call

INFRA = Path(__file__).resolve().parents[2] / "infra"
GRAFANA = INFRA / "grafana"
DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in (GRAFANA / "dashboards").glob("*.json")}
SOURCES = yaml.safe_load((GRAFANA / "provisioning/datasources/tallygate.yaml").read_text())["datasources"]
CLICKHOUSE, PROMETHEUS = "grafana-clickhouse-datasource", "prometheus"

FROM_S = NOV_2026_US // 1_000_000 - 3 * 86_400
TO_S = NOV_2026_US // 1_000_000 + 3 * 86_400
VARIABLES = {"project": "'default', 'search'", "property": "'feature'"}
ARGUMENT = r"\(((?:[^()]|\([^()]*\))*)\)"
"""Of a macro: brackets inside it are closed, and hold no others."""


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def targets(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for board in DASHBOARDS.values():
        for panel in panels(board):
            for target in panel["targets"]:
                if target["datasource"]["type"] == kind:
                    yield panel["title"], target


def queries() -> list[tuple[str, str]]:
    """Every piece of SQL, with where it stands."""
    variables = [
        (f"variable {variable['name']}", variable["query"])
        for board in DASHBOARDS.values()
        for variable in board["templating"]["list"]
        if variable["type"] == "query"
    ]
    return variables + [(title, target["rawSql"]) for title, target in targets(CLICKHOUSE)]


def expressions() -> list[str]:
    return [target["expr"] for _title, target in targets(PROMETHEUS)]


def substituted(sql: str, *, every_project: bool) -> str:
    """The SQL as the data source sends it."""
    condition = "1=1" if every_project else r"\1"
    sql = re.sub(r"\$__conditionalAll\(((?:[^()]|\([^()]*\))*), \$\w+\)", condition, sql)
    sql = re.sub(r"\$\{(\w+):singlequote\}", lambda found: VARIABLES[found[1]], sql)
    times = rf"\1 >= toDateTime({FROM_S}) AND \1 <= toDateTime({TO_S})"
    sql = re.sub(r"\$__timeFilter" + ARGUMENT, times, sql)
    sql = re.sub(
        r"\$__timeInterval" + ARGUMENT, r"toStartOfInterval(toDateTime(\1), INTERVAL 3600 second)", sql
    )
    return sql.replace("$__fromTime", f"toDateTime({FROM_S})").replace("$__toTime", f"toDateTime({TO_S})")


def answers(session: Session, title: str, *, every_project: bool = True) -> list[tuple[Any, ...]]:
    """What a panel shows."""
    sql = dict(queries())[title]
    return list(session.rows(substituted(sql, every_project=every_project)))


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """Two dollars by one user and three by another in `default`, fifty elsewhere, one call without price."""
    given: list[dict[str, Any]] = [
        {"user_id": "ada", "model": "big", "cost_nanos": 2_000_000_000, "properties": {"Feature": "search"}},
        {"user_id": "bob", "model": "small", "cost_nanos": 3_000_000_000, "properties": {}},
        {"user_id": "bob", "model": "small", "cost_nanos": None, "priced": False, "outcome": "timeout"},
        {"model": "big", "cost_nanos": 0, "outcome": "cache_hit", "cache": "hit", "cache_saved_nanos": 10**9},
        {"project": "other", "model": "big", "cost_nanos": 50_000_000_000},
    ]
    opened = connect(stored([call(**fields) for fields in given]))
    yield opened
    opened.close()


def test_both_dashboards_are_there_with_ids_of_their_own() -> None:
    assert set(DASHBOARDS) == {"spend", "operations"}
    assert len({board["uid"] for board in DASHBOARDS.values()}) == 2
    for board in DASHBOARDS.values():
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        assert len({panel["title"] for panel in panels(board)}) == len(panels(board)) > 0


def test_no_panel_lies_over_another() -> None:
    for board in DASHBOARDS.values():
        for one, two in itertools.combinations((panel["gridPos"] for panel in board["panels"]), 2):
            beside = one["x"] + one["w"] <= two["x"] or two["x"] + two["w"] <= one["x"]
            below = one["y"] + one["h"] <= two["y"] or two["y"] + two["h"] <= one["y"]
            assert beside or below, (board["title"], one, two)


def test_panels_ask_the_provisioned_sources() -> None:
    known = {source["uid"]: source["type"] for source in SOURCES}
    for board in DASHBOARDS.values():
        for panel in panels(board):
            for source in (panel["datasource"], *(target["datasource"] for target in panel["targets"])):
                assert known[source["uid"]] == source["type"], panel["title"]


@pytest.mark.parametrize("every_project", [True, False])
@pytest.mark.parametrize(("title", "sql"), queries())
def test_every_query_runs_and_shows_something(
    session: Session, title: str, sql: str, every_project: bool
) -> None:
    sent = substituted(sql, every_project=every_project)
    assert "$" not in sent, "a macro or variable that this test does not know"
    assert session.rows(sent) or title == "Alerts"


def test_what_is_shown_is_what_was_spent(session: Session) -> None:
    assert answers(session, "Spend") == [(55.0,)]
    assert answers(session, "Spend", every_project=False) == [(5.0,)]
    assert answers(session, "Calls", every_project=False) == [(4,)]
    assert answers(session, "Error share", every_project=False) == [(0.25,)]
    assert answers(session, "Calls without a price") == [(1,)]
    assert answers(session, "Cache savings") == [(1.0,)]
    assert answers(session, "Cache by model") == [("big", 1, 1, 1.0)]
    users = answers(session, "Users", every_project=False)
    assert [row[:3] for row in users[:2]] == [("bob", 3.0, 2), ("ada", 2.0, 1)]
    assert ("search", 2.0, 1) in [row[:3] for row in answers(session, "By ${property}")]
    over_time = answers(session, "Spend by model", every_project=False)
    assert sorted((model, spend) for _time, model, spend in over_time) == [("big", 2.0), ("small", 3.0)]


def test_series_are_in_the_order_of_time() -> None:
    for title, target in targets(CLICKHOUSE):
        if target["queryType"] == "timeseries":
            assert target["rawSql"].endswith("ORDER BY time"), title


def test_sums_of_hours_and_days_are_read_from_rollups(session: Session) -> None:
    session.command("OPTIMIZE TABLE call_log FINAL")
    raw = {"Errors in detail", "Alerts", "variable project"}
    for title in {title for title, _sql in queries()} - raw:
        sql = substituted(dict(queries())[title], every_project=True)
        plan = "\n".join(str(row[0]) for row in session.rows(f"EXPLAIN {sql}"))
        assert re.search(r"ReadFromMergeTree \((hourly|daily)\w*\)", plan), f"{title}\n{plan}"


def test_metrics_are_this_release_s_and_none_is_left_out() -> None:
    named = {re.sub("_bucket$", "", name) for name in re.findall(r"tallygate_\w+", " ".join(expressions()))}
    assert named == set(NAMES)


def test_groups_are_labels_of_the_gateway_s_metrics() -> None:
    metrics = EdgeMetrics(worker=0)
    metrics.call_ended("openai", "ok", 200)
    metrics.call_timed("openai", 1.0, 0.5)
    metrics.event_dropped("llm.request")
    metrics.cache_asked("hit")
    labels = {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }
    checked = 0
    for expression in expressions():
        for by, name in re.findall(r"by \(([\w, ]+)\) \(\w+\((tallygate_edge_\w+)", expression):
            # Prometheus itself adds which instance it was.
            assert set(by.split(", ")) <= labels[name] | {"instance"}, expression
            checked += 1
    assert checked >= 8


def test_prometheus_reads_the_ports_of_the_gateway_and_the_api() -> None:
    jobs = yaml.safe_load((GRAFANA / "prometheus.yml").read_text())["scrape_configs"]
    asked = [target for job in jobs for group in job["static_configs"] for target in group["targets"]]
    settings = Settings()
    assert asked == [f"127.0.0.1:{settings.edge_port}", f"127.0.0.1:{settings.api_port}"]


def test_compose_starts_them_when_asked_and_for_this_machine_alone() -> None:
    everything = services()
    optional = {name for name, service in everything.items() if service.get("profiles") == ["grafana"]}
    assert optional == {"grafana", "prometheus"}
    assert "--web.listen-address=127.0.0.1:9090" in everything["prometheus"]["command"]
    environment = everything["grafana"]["environment"]
    assert environment["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert environment["GF_PLUGINS_PREINSTALL_SYNC"].startswith(f"{CLICKHOUSE}@")
    mounted = {volume.split(":")[1] for volume in everything["grafana"]["volumes"]}
    boards = yaml.safe_load((GRAFANA / "provisioning/dashboards/tallygate.yaml").read_text())
    assert {boards["providers"][0]["options"]["path"], "/etc/grafana/provisioning"} <= mounted


def test_grafana_only_reads_clickhouse() -> None:
    source = next(source for source in SOURCES if source["type"] == CLICKHOUSE)
    variable = source["secureJsonData"]["password"].removeprefix("$")
    root = ET.parse(INFRA / "clickhouse" / "grafana.xml").getroot()
    user = root.find(f"users/{source['jsonData']['username']}")
    assert user is not None
    assert [grant.text for grant in user.iter("query")] == [
        f"GRANT SELECT ON {source['jsonData']['defaultDatabase']}.*"
    ]
    assert root.findtext(f"profiles/{user.findtext('profile')}/readonly") == "2"
    password = user.find("password")
    assert password is not None
    assert password.get("from_env") == variable
    for name in ("grafana", "clickhouse"):
        assert variable in services()[name]["environment"], name
