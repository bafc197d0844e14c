"""What the SQL of users can't do: read beyond its project and the views, change anything, wait, or hide."""

import functools
from typing import Any

import pytest

from tallygate.analytics.console import Console
from tallygate.analytics.sql.errors import QueryError
from tallygate.analytics.sql.views import VIEWS
from tallygate.runtime.clickhouse import StatementError, Target, connect
from tests.support.api import running_api, stored
from tests.support.factories import alert, call, request_event

SECRET = "secret-of-another-project"

REFUSED = [
    # Not a SELECT, or more than one.
    "DROP TABLE call_log",
    "INSERT INTO call_log (project) VALUES ('x')",
    "CREATE TABLE x (a Int8) ENGINE = Memory",
    "ALTER TABLE call_log DELETE WHERE 1",
    "SET readonly = 0",
    "SYSTEM SHUTDOWN",
    "KILL QUERY WHERE 1",
    "SHOW TABLES",
    "DESCRIBE TABLE calls",
    "EXPLAIN SELECT 1",
    "USE system",
    "EXISTS TABLE calls",
    "TRUNCATE TABLE call_log",
    "ATTACH TABLE x FROM '/tmp' (a Int8) ENGINE = File(CSV)",
    "optimize=1 SELECT 1",
    "'SELECT' 1",
    "`SELECT` 1",
    "",
    "   ",
    "-- SELECT 1",
    "(SELECT 1)",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE tallygate.call_log",
    "SELECT 1 /* ; */; SELECT 2",
    "SELECT 1 -- ;\n; SELECT 2",
    "SELECT 1 PARALLEL WITH SELECT 2",
    "SELECT 1) UNION ALL SELECT * FROM (SELECT 2",
    "SELECT 1) UNION ALL SELECT * FROM system.tables --",
    # Where the text would be read in another way by somebody.
    "SELECT $$x$$",
    "SELECT $a$ ' $a$, '; DROP TABLE call_log'",
    "SELECT 1 # comment\n; SELECT 2",
    "SELECT 1 #! comment",
    "SELECT \u2018x\u2019",
    "SELECT \u201cmodel\u201d FROM calls",
    "SELECT\u00a01",
    "SELECT 1 \\G",
    "SELECT 'unclosed",
    'SELECT "unclosed',
    "SELECT `a\\`; DROP TABLE call_log` FROM calls",
    "SELECT /* unclosed",
    "SELECT /* /* */ 1 */",
    "SELECT 1\x00",
    "SELECT '\x00'",
    'SELECT 1 AS "a\x01b"',
    # Other tables and databases.
    "SELECT * FROM system.tables",
    "SELECT * FROM `system`.`tables`",
    'SELECT * FROM "system"."one"',
    "SELECT * FROM `system.tables`",
    "SELECT * FROM {db}.calls",
    "SELECT * FROM {db}.call_log",
    "SELECT * FROM `{db}`.`call_log`",
    "SELECT * FROM {db} . call_log",
    "SELECT * FROM {db}/**/./**/call_log",
    "SELECT * FROM call_log",
    "SELECT * FROM request_log",
    "SELECT * FROM schema_migrations",
    "SELECT * FROM tables",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM INFORMATION_SCHEMA.COLUMNS",
    "SELECT * FROM default.x",
    "SELECT * FROM calls JOIN {db}.call_log AS other USING (request_id)",
    "SELECT * FROM calls, {db}.call_log",
    "SELECT (SELECT any(prompt) FROM {db}.call_log)",
    "SELECT 1 WHERE 'x' IN {db}.call_log",
    "SELECT 1 WHERE 'x' IN (SELECT prompt FROM {db}.call_log)",
    "SELECT in('x', {db}.call_log)",
    "SELECT 'x' GLOBAL NOT IN {db}.call_log",
    "SELECT notIn('x', {db}.call_log)",
    "SELECT 'x' IN call_log",
    "SELECT 1 WHERE 'x' IN `{db}.call_log`",
    "SELECT exists(SELECT 1 FROM {db}.call_log)",
    "SELECT 1 UNION ALL SELECT count() FROM {db}.call_log",
    "SELECT 1 INTERSECT SELECT count() FROM {db}.call_log",
    "WITH t AS (SELECT * FROM {db}.call_log) SELECT * FROM t",
    "WITH (SELECT count() FROM {db}.call_log) AS n SELECT n",
    "WITH RECURSIVE t AS (SELECT * FROM {db}.call_log) SELECT * FROM t",
    "SELECT * FROM (WITH call_log AS (SELECT 1) SELECT 1) AS a, call_log",
    "WITH calls AS (SELECT 1) SELECT * FROM calls",
    "WITH call_log AS (SELECT * FROM call_log) SELECT * FROM call_log",
    # Table functions.
    "SELECT * FROM file('/etc/passwd')",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
    "SELECT * FROM s3('http://127.0.0.1:1/x', 'CSV')",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
    "SELECT * FROM executable('id', 'TSV', 'a String')",
    "SELECT * FROM merge('{db}', 'call_log')",
    "SELECT * FROM mergeTreeIndex('{db}', 'call_log')",
    "SELECT * FROM mergeTreeProjection('{db}', 'call_log', 'hourly')",
    "SELECT * FROM mergeTreeParts('{db}', 'call_log')",
    "SELECT * FROM viewIfPermitted(SELECT * FROM {db}.call_log ELSE null('a Int8'))",
    "SELECT * FROM view(SELECT * FROM {db}.call_log)",
    "SELECT * FROM cluster('default', {db}.call_log)",
    "SELECT * FROM numbers(10)",
    "SELECT * FROM generateRandom('a Int8')",
    "SELECT * FROM VALUES('a Int8', 1)",
    "SELECT * FROM input('a Int8')",
    "SELECT * FROM null('a Int8')",
    "SELECT * FROM dictionary('d')",
    "SELECT * FROM loop({db}.call_log)",
    "SELECT * FROM Python(x)",
    "SELECT * FROM (EXPLAIN SELECT 1)",
    "SELECT * FROM (DESCRIBE TABLE {db}.call_log)",
    "SELECT * FROM (SHOW TABLES)",
    "SELECT 1 FROM calls JOIN file('/etc/passwd') AS f ON 1 = 1",
    "SELECT 1 WHERE 1 IN (SELECT a FROM file('/etc/passwd', 'CSV', 'a Int8'))",
    # Functions that read, wait, or tell about the server.
    "SELECT file('/etc/passwd')",
    "SELECT FILE('/etc/passwd')",
    "SELECT `file`('/etc/passwd')",
    "SELECT arrayMap(x -> file(x), ['/etc/passwd'])",
    "SELECT if(1, file('/etc/passwd'), '')",
    "SELECT model FROM calls ORDER BY file('/etc/passwd')",
    "SELECT model FROM calls GROUP BY model HAVING file('/etc/passwd') != ''",
    "SELECT 1 LIMIT length(file('/etc/passwd'))",
    "SELECT count() OVER (PARTITION BY file('/etc/passwd')) FROM calls",
    "SELECT * REPLACE(file('/etc/passwd') AS model) FROM calls",
    "WITH x -> file(x) AS f SELECT f('/etc/passwd')",
    "WITH file('/etc/passwd') AS f SELECT f",
    "SELECT sleep(3)",
    "SELECT sleepEachRow(1) FROM calls",
    "SELECT dictGet('d', 'a', 1)",
    "SELECT dictGetOrNull('d', 'a', 1)",
    "SELECT joinGet('{db}.call_log', 'prompt', 1)",
    "SELECT hasColumnInTable('{db}', 'call_log', 'prompt')",
    "SELECT getSetting('readonly')",
    "SELECT getMacro('x')",
    "SELECT getServerPort('tcp_port')",
    "SELECT currentUser(), hostName()",
    "SELECT currentDatabase()",
    "SELECT currentDatabase",
    "SELECT current_user",
    "SELECT CAST('1', 'AggregateFunction(count)')",
    "SELECT CAST('1' AS AggregateFunction(groupArray, String))",
    "SELECT '1'::SimpleAggregateFunction(sum, UInt64)",
    "SELECT accurateCastOrNull('1', concat('Aggregate', 'Function(count)'))",
    "WITH 'AggregateFunction(count)' AS t SELECT _CAST('1', t)",
    "SELECT filesystemAvailable()",
    "SELECT fqdn()",
    "SELECT version()",
    "SELECT serverUUID()",
    "SELECT aiGenerate('x', 'y')",
    "SELECT chdb('SELECT 1')",
    "SELECT evalMLMethod(1, 2)",
    "SELECT catboostEvaluate('/etc/passwd', 1)",
    "SELECT addressToLine(1)",
    "SELECT demangle('x')",
    "SELECT logTrace('x')",
    "SELECT throwIf(1)",
    "SELECT aggThrow(1)",
    "SELECT initializeAggregation('aggThrow', 1)",
    "SELECT arrayReduce('aggThrow', [1])",
    "SELECT generateSerialID('x')",
    "SELECT decrypt('aes-128-ecb', 'x', 'y')",
    "SELECT no_such_function(1)",
    "SELECT `count evil`(1)",
    "SELECT sumState(cost_nanos) FROM calls",
    "SELECT * APPLY(file) FROM calls",
    "SELECT * APPLY file FROM calls",
    "SELECT COLUMNS('model') APPLY(x -> file(x)) FROM calls",
    "SELECT calls.* APPLY(toString) FROM calls",
    # What goes around the SELECT.
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS max_execution_time = 0",
    "SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)",
    "SELECT 1 UNION ALL SELECT 2 SETTINGS max_threads = 1",
    "SELECT 1 FORMAT CSV",
    "SELECT 1 FORMAT Null",
    "SELECT 1 INTO OUTFILE '/tmp/x'",
    "SELECT 1 INTO OUTFILE '/tmp/x' TRUNCATE FORMAT CSV",
    "SELECT * FROM calls FINAL",
    "SELECT * FROM calls SAMPLE 0.5",
    # Tables behind the views, by any other way.
    "SELECT * FROM feedback_log",
    "SELECT * FROM score_log",
    "SELECT * FROM alert_log",
    "SELECT * FROM {db}.feedback FINAL",
    "SELECT * FROM feedback_log FINAL",
    "SELECT calls.model, (SELECT max(comment) FROM {db}.feedback_log) FROM calls",
    "SELECT * FROM calls AS a ASOF JOIN {db}.call_log AS b USING (project, received_at)",
    "SELECT * FROM calls PASTE JOIN {db}.call_log",
    "SELECT * FROM calls SEMI LEFT JOIN {db}.call_log USING (request_id)",
    "SELECT model FROM calls QUALIFY (SELECT count() FROM {db}.call_log) > 0",
    "SELECT model FROM calls PREWHERE model IN (SELECT model FROM {db}.call_log)",
    "SELECT model FROM calls LIMIT (SELECT count() FROM {db}.call_log)",
    "SELECT model FROM calls ORDER BY (SELECT max(prompt) FROM {db}.call_log)",
    "SELECT model FROM calls GROUP BY GROUPING SETS ((model), (SELECT max(prompt) FROM {db}.call_log))",
    "SELECT count() FROM calls ARRAY JOIN [file('/etc/passwd')] AS line",
    "SELECT * FROM calls(project = 'other')",
    "SELECT * FROM mergeTreeAnalyzeIndexes('{db}', 'call_log', 1)",
    "SELECT * FROM mergeTreeIndex({db}, call_log, with_marks = true)",
    "SELECT * FROM MergeTreeIndex('{db}', 'call_log')",
    "SELECT * FROM `mergeTreeIndex`('{db}', 'call_log')",
    "SELECT * FROM `file`('/etc/passwd')",
    "SELECT * FROM fileCluster('default', '/etc/passwd')",
    "SELECT * FROM deltaLake('/etc')",
    "SELECT * FROM sqlite('/etc/passwd', 't')",
    "SELECT * FROM timeSeriesData({db}.call_log)",
    "SELECT * FROM zeros(1)",
    "SELECT * FROM fuzzQuery('SELECT 1')",
    "SELECT * FROM `system` . `query_log`",
    "SELECT * FROM system.dictionaries",
    "SELECT * FROM system.processes",
    "SELECT * FROM SYSTEM.settings",
    "SELECT dictHas('d', 1)",
    "SELECT dictGetHierarchy('d', 1)",
    "SELECT dictGetAll('d', 'a', 1)",
    "SELECT dictIsIn('d', 1, 2)",
    "SELECT * FROM `d`.`dictionary`",
    "SELECT transactionID()",
    "SELECT getSubcolumn(calls, 'prompt') FROM calls",
    "SELECT variantElement(x, 'String') FROM (SELECT 1 AS x)",
    "SELECT 1 FROM calls SETTINGS /* */ readonly = 0",
    "SELECT 1 FROM calls settings additional_table_filters = {}",
    "SELECT 1 FROM calls FORMAT /* x */ JSON",
    "SELECT 1 INTO /**/ OUTFILE '/tmp/x'",
    "SELECT 1 INTO OUTFILE '/tmp/x' AND STDOUT",
    "SELECT 1 INTO DUMPFILE '/tmp/x'",
    "FROM calls SELECT 1 SETTINGS readonly = 0",
    "SELECT $tag$ ' $tag$ FROM calls",
    "SELECT 1 /* $$ */ $$ FROM calls",
    "SELECT 1 FROM calls -- \\\n; DROP TABLE call_log",
    "WITH calls AS (SELECT 1) SELECT prompt FROM calls AS calls, {db}.call_log",
]


@functools.cache
def several_projects() -> Target:
    """A call of the project `default`, and four of others. Not to be written to: tests share it."""
    own = [call(prompt="own", session_id="s")]
    others = [
        call(project=name, prompt=SECRET, session_id="s") for name in ("other", "Default", "default ", "")
    ]
    target = stored(
        [*own, *others],
        [request_event(project=event.project) for event in (*own, *others)],
        alerts=[alert(project=event.project) for event in (*own, *others)],
    )
    session = connect(target)
    columns = "project, received_at, request_id, provider, model, priced, cost_nanos, price_ref"
    session.command(f"INSERT INTO call_restated (restatement, {columns}) SELECT 'x', {columns} FROM call_log")
    columns = "project, received_at, request_id"
    session.command(f"INSERT INTO feedback_log (rating, {columns}) SELECT 1, {columns} FROM call_log")
    session.command(f"INSERT INTO score_log (name, {columns}) SELECT 'x', {columns} FROM call_log")
    session.close()
    return target


@functools.cache
def shared_console() -> Console:
    """A console over them."""
    return Console(several_projects())


def rows_of(console: Console, query: str) -> list[list[Any]]:
    """Rows of a query of the project `default`."""
    return console.run(query, {}, "default").rows


@pytest.mark.parametrize("query", REFUSED)
def test_refused(query: str) -> None:
    with pytest.raises(QueryError) as refused:
        rows_of(shared_console(), query.replace("{db}", several_projects().database))
    assert refused.value.code
    assert SECRET not in refused.value.message


READS = [
    "SELECT count() FROM calls",
    "SELECT count() FROM `calls`",
    'SELECT count() FROM "calls"',
    "SELECT count() FROM calls AS c",
    "SELECT count() FROM (SELECT * FROM calls)",
    "SELECT count() FROM calls AS a JOIN calls AS b ON a.request_id = b.request_id",
    "SELECT count() FROM (SELECT * FROM calls UNION ALL SELECT * FROM calls) AS x WHERE project != 'default'",
    "SELECT count() FROM calls WHERE project = 'other' OR 1",
    "SELECT count() FROM calls WHERE 1 OR project = 'other'",
    "SELECT countIf(project != 'default') FROM calls",
    "SELECT (SELECT count() FROM calls)",
    "WITH x AS (SELECT * FROM calls) SELECT count() FROM x",
    "WITH x AS (SELECT count() AS n FROM calls), y AS (SELECT n FROM x) SELECT n FROM y",
    "WITH RECURSIVE r AS (SELECT 1 n UNION ALL SELECT n + 1 FROM r WHERE n < 2) SELECT count() FROM r, calls",
    "SELECT length(groupArray(prompt)) FROM bodies",
    "SELECT count() FROM attempts",
    "SELECT sum(requests) FROM usage_hourly",
    "SELECT sum(requests) FROM usage_daily",
    "SELECT count() FROM requests",
    "SELECT count() FROM unanswered",
    "SELECT count() FROM alerts",
    "SELECT count() FROM restated",
    "SELECT count() FROM calls WHERE user_id IN (SELECT user_id FROM calls)",
    "SELECT count() FROM calls WHERE exists(SELECT 1 FROM calls)",
    "SELECT sum(n) FROM (SELECT count() AS n FROM calls GROUP BY ALL)",
    "/* c */ SELECT count() -- x\nFROM calls;",
    " \n\tselect COUNT(*) from calls ; ; ",
]


@pytest.mark.parametrize("query", READS)
def test_only_the_own_project_is_read(query: str) -> None:
    ((found,),) = rows_of(shared_console(), query)
    assert found == (0 if "!=" in query else 2 if "RECURSIVE" in query else 1)


ORACLES = [
    "SELECT count() FROM {view} WHERE {doubt}",
    "SELECT count() FROM {view} WHERE {doubt} AND project = 'default'",
    "SELECT count() FROM (SELECT * FROM {view}) WHERE {doubt}",
    "SELECT count() FROM (SELECT * FROM {view} UNION ALL SELECT * FROM {view}) WHERE {doubt}",
    "WITH x AS (SELECT * FROM {view} WHERE {doubt}) SELECT count() FROM x",
    "SELECT count() FROM {view} WHERE project IN (SELECT project FROM {view} WHERE {doubt})",
    "SELECT {doubt} AS x, count() FROM {view} GROUP BY x",
    "SELECT project, sum({doubt}) FROM {view} GROUP BY project HAVING max({doubt}) > 0",
    "SELECT {doubt} AS x, count() FROM {view} WHERE x GROUP BY x LIMIT 3",
    "SELECT DISTINCT {doubt} FROM {view}",
    "SELECT {doubt} FROM {view} ORDER BY {doubt} LIMIT 5",
    "SELECT count() FROM {view} ARRAY JOIN [{doubt}] AS x WHERE x",
    "SELECT max({doubt}) OVER () FROM {view}",
    "SELECT count() FROM {view} AS a JOIN {view} AS b ON {doubt_a} = {doubt_b}",
    "SELECT count() FROM {view} AS a JOIN {view} AS b USING (project) WHERE {doubt_a} + {doubt_b} > 0",
    "SELECT count() FROM {view} AS a LEFT JOIN {view} AS b ON a.project = b.project AND {doubt_b} > 0",
    "SELECT count() FROM {view} AS a WHERE exists(SELECT 1 FROM {view} WHERE {doubt})",
]
"""An error, or none, would tell of the rows of other projects, if the expression were computed for them."""


_OF = {"doubt": "", "doubt_a": "a.", "doubt_b": "b."}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("query", ORACLES)
def test_nothing_is_computed_of_other_projects(query: str, view: str) -> None:
    for column, value in (("project", "default"), ("prompt", "own")):
        if column == "prompt" and view not in ("calls", "bodies"):
            continue
        doubts = {name: f"intDiv(1, {of}{column} = '{value}')" for name, of in _OF.items()}
        assert rows_of(shared_console(), query.format(view=view, **doubts))


LEGITIMATE = {
    "SELECT 'a;b -- c /* d */', \"model\" FROM calls -- e": [["a;b -- c /* d */", "gpt-4o-mini-2024-07-18"]],
    "SELECT status, count() AS n FROM calls GROUP BY 1 WITH TOTALS ORDER BY n DESC LIMIT 1 BY n LIMIT 5": [
        [200, 1]
    ],
    "SELECT quantileExact(0.95)(latency_us), quantilesExact(0.5, 0.9)(latency_us) FROM calls": [
        [812345, [812345, 812345]]
    ],
    "SELECT k, v FROM calls ARRAY JOIN mapKeys(properties) AS k, mapValues(properties) AS v": [
        ["feature", "x"]
    ],
    "SELECT properties['feature'] FROM calls WHERE properties['feature'] LIKE '%x'": [["x"]],
    "SELECT row_number() OVER (PARTITION BY model ORDER BY received_at) FROM calls": [[1]],
    "SELECT sum(n) OVER w FROM (SELECT 1 AS n FROM calls) WINDOW w AS (ORDER BY n)": [[1]],
    "SELECT * EXCEPT(v) FROM (SELECT model AS m, 1 AS v FROM calls)": [["gpt-4o-mini-2024-07-18"]],
    "SELECT COLUMNS('^model$') FROM calls": [["gpt-4o-mini-2024-07-18"]],
    "SELECT status >= 400 ? 'bad' : 'good' FROM calls": [["good"]],
    "SELECT arrayFilter((x, y) -> y > 1, ['a', 'b'], [1, 2])": [[["b"]]],
    "SELECT JSONExtractString(prompt, 'messages', 1, 'role') FROM calls": [["user"]],
    "SELECT count(DISTINCT user_id), uniqExact(user_id), countIf(status = 200) FROM calls": [[1, 1, 1]],
    "SELECT toStartOfHour(received_at), toDate(received_at) + INTERVAL 1 DAY FROM calls": [
        ["2026-11-06T21:00:00Z", "2026-11-07"]
    ],
    "SELECT 1::String, CAST('2' AS Int8), x'41'": [["1", 2, "A"]],
    "SELECT c.model = b.model FROM calls AS c LEFT JOIN calls AS b USING (request_id)": [[1]],
    "SELECT 3 IN (1, 2, 3), 3 IN [4], (1, 2) IN ((1, 2))": [[1, 0, 1]],
    "SELECT attempts, cost_usd FROM calls": [[1, "0.0000048"]],
    "SELECT n FROM (SELECT 1 AS n) ORDER BY n WITH FILL FROM 1 TO 3": [[1], [2]],
    "WITH 5 AS five, (SELECT max(status) FROM calls) AS most SELECT five, most": [[5, 200]],
    "SELECT 1 UNION ALL SELECT 1": [[1], [1]],
    "SELECT CASE WHEN status = 200 THEN 'ok' ELSE 'no' END FROM calls": [["ok"]],
    "SELECT 1 FROM calls WHERE user_id IN (WITH a AS (SELECT user_id FROM calls) SELECT * FROM a)": [[1]],
    "WITH a AS (SELECT user_id FROM calls) SELECT 1 FROM calls WHERE user_id IN a": [[1]],
    "SELECT date_trunc('hour', received_at), dateDiff('day', received_at, received_at) FROM calls": [
        ["2026-11-06T21:00:00Z", 0]
    ],
}


@functools.cache
def console_of_one_call() -> Console:
    """A console over one call."""
    one = call(properties={"Feature": "x"}, received_at_us=1_794_000_001_000_000)
    return Console(stored([one]))


@pytest.mark.parametrize("query", LEGITIMATE)
def test_what_analysts_write_runs(query: str) -> None:
    assert rows_of(console_of_one_call(), query) == LEGITIMATE[query]


async def test_nothing_was_changed_by_what_was_refused() -> None:
    target = stored([call()])
    writes = ["INSERT INTO x VALUES (1)", "SELECT 1; TRUNCATE TABLE `{db}`.call_log", "DROP DATABASE `{db}`"]
    async with running_api(target) as api:
        for query in writes:
            await api.refused(query.replace("{db}", target.database))
        assert await api.rows("SELECT count() FROM calls") == [[1]]


def test_the_engine_itself_refuses_to_write_in_the_consoles_sessions() -> None:
    """The second line of defence, should the first be passed."""
    target = stored([call()])
    console = Console(target)
    session = console._running.session()
    for statement in (
        "TRUNCATE TABLE `{db}`.call_log",
        "CREATE TABLE x (a Int8) ENGINE = Memory",
        "SET readonly = 0",
    ):
        with pytest.raises(StatementError) as error:
            session.command(statement.replace("{db}", target.database))
        assert error.value.code == 164
    console.close()


def test_time_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallygate.analytics.console.LIMITS", {"max_execution_time": 1, "readonly": 2})
    many = "(SELECT arrayJoin(range(100000)) AS n)"
    console = Console(several_projects())
    with pytest.raises(QueryError) as refused:
        rows_of(console, f"SELECT count() FROM {many} AS x, {many} AS y WHERE cityHash64(x.n, y.n) = 1")
    assert refused.value.code == "time_limit"
    console.close()


def test_the_consoles_database_is_empty() -> None:
    target = stored([])
    session = connect(target, database=f"{target.database}_console")
    assert session.rows("SELECT count() FROM system.tables WHERE database = currentDatabase()") == [(0,)]
    session.close()


def test_every_view_can_be_read() -> None:
    target = stored([])
    session = connect(target)
    rows = session.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View'"
    )
    session.close()
    assert {name for (name,) in rows} == set(VIEWS)
