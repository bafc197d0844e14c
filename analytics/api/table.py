"""Every operation of the API."""

from collections.abc import Callable
from typing import Annotated

from aiohttp import web
from pydantic import Field

from tallygate.analytics import handlers
from tallygate.analytics.api.operation import (
    Handler,
    NoQuery,
    Operation,
    json_answer,
    now_us,
    reading,
    report,
)
from tallygate.analytics.api.scope import Scope, parse_query, parse_scope
from tallygate.analytics.errors import RequestError, bad_parameter
from tallygate.analytics.export.handlers import get_export, get_progress, post_export
from tallygate.analytics.export.query import ExportProgress, ExportQuery, FileQuery
from tallygate.analytics.feedback.handlers import post_feedback, post_scores
from tallygate.analytics.feedback.models import Given, NewFeedback, NewScores
from tallygate.analytics.feedback.report import (
    FeedbackReport,
    SaidQuery,
    ScoreReport,
    read_feedback,
    read_scores,
)
from tallygate.analytics.forecast.read import ForecastAnswer, ForecastQuery, read_forecast
from tallygate.analytics.keys import project_of
from tallygate.analytics.live.totals import LIVE_TOTALS
from tallygate.analytics.models import (
    ApiModel,
    CallDetail,
    CallPage,
    Info,
    SearchPage,
    SqlQuery,
    SqlResult,
    UsageReport,
)
from tallygate.analytics.replay import Replay, Replayed, post_replay
from tallygate.analytics.reports.alerts import AlertPage, AlertsQuery, get_alerts
from tallygate.analytics.reports.budgets import Budgets, BudgetsQuery, get_budgets
from tallygate.analytics.reports.cached import (
    CacheAnswer,
    CacheEntries,
    EntriesQuery,
    read_cache,
    read_entries,
)
from tallygate.analytics.reports.compared import ComparedQuery, Comparison, compare
from tallygate.analytics.reports.dimensions import Dimension, known
from tallygate.analytics.reports.latency import LatencyAnswer, LatencyQuery, read_latency
from tallygate.analytics.reports.limits import (
    CapacityReport,
    LimitsQuery,
    ThrottlingReport,
    read_capacity,
    read_throttling,
)
from tallygate.analytics.reports.problems import ErrorReport, ErrorsQuery, read_errors
from tallygate.analytics.reports.properties import PropertiesQuery, PropertyNames, read_properties
from tallygate.analytics.reports.series import SeriesAnswer, SeriesQuery, read_series
from tallygate.analytics.reports.sessions import (
    SessionDetail,
    SessionPage,
    SessionsQuery,
    read_session,
    read_sessions,
)
from tallygate.analytics.reports.users import User, UserPage, read_user, read_users
from tallygate.analytics.reports.workflows import (
    WorkflowDetail,
    Workflows,
    WorkflowsQuery,
    read_workflow,
    read_workflows,
)
from tallygate.analytics.requests.listing import DEFAULT_LIMIT, MAX_LIMIT
from tallygate.analytics.requests.query import SearchQuery
from tallygate.analytics.requests.statement import Rows
from tallygate.analytics.requests.usage import DEFAULT_LIMIT as USAGE_LIMIT
from tallygate.analytics.requests.usage import MAX_LIMIT as MAX_USAGE_LIMIT
from tallygate.analytics.saved_queries import (
    NewSavedQuery,
    SavedQueries,
    SavedQuery,
    delete_query,
    get_queries,
    put_query,
)
from tallygate.analytics.schema_browser import Schema, get_schema
from tallygate.analytics.whatif.read import WhatIf, WhatIfAnswer, post_what_if

EXAMPLE_FILTER = {
    "and": [
        {"field": "model", "op": "starts_with", "value": "gpt-4o"},
        {"field": "cost_usd", "op": "gte", "value": 0.05},
        {"not": {"field": "property.Env", "op": "in", "value": ["dev", "test"]}},
    ]
}


class ListQuery(ApiModel):
    """A page of calls."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    cursor: str | None = None
    """The `next_cursor` of the page before."""


class UsageQuery(ApiModel):
    """Groups, the costliest first; by hour or day the latest first."""

    by: str = ""
    """Up to four, by comma, of model, provider, user, key, endpoint, outcome, session, hour, day and
    property.<name>."""
    limit: Annotated[int, Field(ge=1, le=MAX_USAGE_LIMIT)] = USAGE_LIMIT


class ComparedByQuery(ComparedQuery):
    """Order and page of the groups of any dimension."""

    by: Dimension


def _named(read: Callable[[Rows, Scope, str], ApiModel | None], thing: str) -> Handler:
    """The handler of one named thing within a period."""

    async def handler(request: web.Request) -> web.Response:
        pairs = list(request.query.items())
        parse_query(pairs, NoQuery, scoped=True)
        scope = parse_scope(pairs, project_of(request), now_us())
        name = request.match_info["name"]
        return _found(await reading(request, lambda rows: read(rows, scope, name)), thing)

    return handler


async def get_session(request: web.Request) -> web.Response:
    """One session, whatever the period."""
    project, name = project_of(request), request.match_info["name"]
    return _found(await reading(request, lambda rows: read_session(rows, project, name)), "session")


def _found(answer: ApiModel | None, thing: str) -> web.Response:
    if answer is None:
        raise RequestError(404, "not_found", f"there are no calls of such a {thing}")
    return json_answer(answer)


def _compared(path: str, name: str, tag: str, summary: str, dimension: str) -> Operation:
    def read(rows: Rows, scope: Scope, query: ComparedQuery) -> Comparison:
        return compare(rows, scope, dimension, query)

    return report(path, name, tag, summary, read, query=ComparedQuery, answer=Comparison)


async def get_property(request: web.Request) -> web.Response:
    """The values of one property compared."""
    pairs = list(request.query.items())
    query = parse_query(pairs, ComparedQuery, scoped=True)
    scope = parse_scope(pairs, project_of(request), now_us())
    try:
        dimension = known(f"property.{request.match_info['name']}")
    except ValueError as error:
        raise bad_parameter("name", str(error)) from error
    return json_answer(await reading(request, lambda rows: compare(rows, scope, dimension, query)))


FILES = {
    "text/csv": "Properties are JSON.",
    "application/jsonl": "One JSON object a line.",
    "application/vnd.apache.parquet": "Zstandard, with types.",
}
REQUESTS = (
    Operation(
        method="GET",
        path="/api/v1/requests",
        name="listRequests",
        tag="requests",
        summary="Calls, the latest first, by plain filters",
        handler=handlers.get_requests,
        query=ListQuery,
        scoped=True,
        answer=CallPage,
    ),
    Operation(
        method="POST",
        path="/api/v1/requests/search",
        name="searchRequests",
        tag="requests",
        summary="Calls that a filter tree means, in any order, page by page",
        handler=handlers.post_search,
        body=SearchQuery,
        answer=SearchPage,
        example={"filter": EXAMPLE_FILTER, "sort": {"by": "cost_usd"}, "limit": 20},
    ),
    Operation(
        method="GET",
        path="/api/v1/requests/export",
        name="exportRequests",
        tag="requests",
        summary="Calls as a file; the header Tallygate-Total-Rows tells how many rows come",
        handler=get_export,
        query=FileQuery,
        scoped=True,
        media=FILES,
    ),
    Operation(
        method="POST",
        path="/api/v1/requests/export",
        name="exportFound",
        tag="requests",
        summary="Calls that a filter tree means, as a file",
        handler=post_export,
        body=ExportQuery,
        media=FILES,
        example={"format": "parquet", "filter": EXAMPLE_FILTER, "bodies": True, "export_id": "mine-1"},
    ),
    Operation(
        method="GET",
        path="/api/v1/requests/exports/{id}",
        name="getExportProgress",
        tag="requests",
        summary="How far an export is",
        handler=get_progress,
        answer=ExportProgress,
    ),
    Operation(
        method="GET",
        path="/api/v1/requests/{id}",
        name="getRequest",
        tag="requests",
        summary="One call with its bodies, every try, and what is said of it",
        handler=handlers.get_request,
        answer=CallDetail,
    ),
    Operation(
        method="POST",
        path="/api/v1/requests/{id}/replay",
        name="replayRequest",
        tag="requests",
        summary="Send a stored call through the gateway again, as a new call",
        handler=post_replay,
        body=Replay,
        answer=Replayed,
        example={},
    ),
    Operation(
        method="POST",
        path="/api/v1/requests/{id}/feedback",
        name="giveFeedback",
        tag="feedback",
        summary="Rate a call; the last rating of an author counts",
        handler=post_feedback,
        body=NewFeedback,
        answer=Given,
        example={"rating": "up", "comment": "to the point", "given_by": "alice"},
    ),
    Operation(
        method="POST",
        path="/api/v1/requests/{id}/scores",
        name="giveScores",
        tag="feedback",
        summary="Score a call; the last score of a name counts",
        handler=post_scores,
        body=NewScores,
        answer=Given,
        example={"scores": {"accuracy": 0.93, "safe": True}},
    ),
)
REPORTS = (
    Operation(
        method="GET",
        path="/api/v1/usage",
        name="getUsage",
        tag="usage",
        summary="Sums by up to four dimensions; of all time if no period is given",
        handler=handlers.get_usage,
        query=UsageQuery,
        scoped=True,
        answer=UsageReport,
    ),
    LIVE_TOTALS,
    report(
        "/api/v1/usage/series",
        "getUsageSeries",
        "usage",
        "Sums over time, of the top groups and of all others together",
        read_series,
        query=SeriesQuery,
        answer=SeriesAnswer,
    ),
    report(
        "/api/v1/usage/compared",
        "compareGroups",
        "usage",
        "The groups of any dimension compared: cost, errors, latency, who and when",
        lambda rows, scope, query: compare(rows, scope, query.by, query),
        query=ComparedByQuery,
        answer=Comparison,
    ),
    report(
        "/api/v1/latency",
        "getLatency",
        "usage",
        "Quantiles of latency and time to first byte, by group and over time",
        read_latency,
        query=LatencyQuery,
        answer=LatencyAnswer,
    ),
    report(
        "/api/v1/users",
        "listUsers",
        "users",
        "End users: count, cost, latency, errors, models, first and last seen",
        read_users,
        query=ComparedQuery,
        answer=UserPage,
    ),
    Operation(
        method="GET",
        path="/api/v1/users/{name}",
        name="getUser",
        tag="users",
        summary="One end user",
        handler=_named(read_user, "user"),
        scoped=True,
        answer=User,
    ),
    report(
        "/api/v1/sessions",
        "listSessions",
        "sessions",
        "Sessions (agents' runs)",
        read_sessions,
        query=SessionsQuery,
        answer=SessionPage,
    ),
    Operation(
        method="GET",
        path="/api/v1/sessions/{name}",
        name="getSession",
        tag="sessions",
        summary="One session as the tree of its steps, with the cost of each; whatever the period",
        handler=get_session,
        answer=SessionDetail,
    ),
    report(
        "/api/v1/workflows",
        "listWorkflows",
        "sessions",
        "Workflows, and what a run of each costs",
        read_workflows,
        query=WorkflowsQuery,
        answer=Workflows,
    ),
    Operation(
        method="GET",
        path="/api/v1/workflows/{name}",
        name="getWorkflow",
        tag="sessions",
        summary="One workflow as the tree of its steps, with the cost of each",
        handler=_named(read_workflow, "workflow"),
        scoped=True,
        answer=WorkflowDetail,
    ),
    report(
        "/api/v1/properties",
        "listProperties",
        "properties",
        "Custom properties in use",
        read_properties,
        query=PropertiesQuery,
        answer=PropertyNames,
    ),
    Operation(
        method="GET",
        path="/api/v1/properties/{name}",
        name="getProperty",
        tag="properties",
        summary="The values of a property compared; the empty one is of calls without it",
        handler=get_property,
        query=ComparedQuery,
        scoped=True,
        answer=Comparison,
    ),
    _compared("/api/v1/models", "compareModels", "models", "Models compared", "model"),
    _compared("/api/v1/providers", "compareProviders", "models", "Providers compared", "provider"),
    report(
        "/api/v1/cache",
        "getCache",
        "cache",
        "The gateway's cache: hits, money and time saved, by model",
        read_cache,
        query=NoQuery,
        answer=CacheAnswer,
    ),
    report(
        "/api/v1/cache/entries",
        "listCacheEntries",
        "cache",
        "What the cache answered most",
        read_entries,
        query=EntriesQuery,
        answer=CacheEntries,
    ),
    report(
        "/api/v1/rate-limits",
        "getThrottling",
        "rate limits",
        "Who was throttled, by providers and by the gateway's own limits",
        read_throttling,
        query=LimitsQuery,
        answer=ThrottlingReport,
    ),
    report(
        "/api/v1/rate-limits/capacity",
        "getCapacity",
        "rate limits",
        "What providers say is left, per model and gateway key, last and over time",
        read_capacity,
        query=LimitsQuery,
        answer=CapacityReport,
    ),
    report(
        "/api/v1/forecast",
        "getForecast",
        "planning",
        "What the month will have cost, with its range",
        read_forecast,
        query=ForecastQuery,
        answer=ForecastAnswer,
    ),
    Operation(
        method="POST",
        path="/api/v1/what-if",
        name="computeWhatIf",
        tag="planning",
        summary="What a period would have cost on other models, at other providers, with the cache on",
        handler=post_what_if,
        body=WhatIf,
        answer=WhatIfAnswer,
        example={
            "substitutions": [{"model": "gpt-5", "to_provider": "anthropic", "to_model": "claude-haiku-4-5"}],
            "cache": {"ttl_s": 604_800},
        },
    ),
    report(
        "/api/v1/errors",
        "listErrors",
        "errors",
        "What went wrong, by kind",
        read_errors,
        query=ErrorsQuery,
        answer=ErrorReport,
    ),
    report(
        "/api/v1/feedback",
        "getFeedback",
        "feedback",
        "Ratings by group",
        read_feedback,
        query=SaidQuery,
        answer=FeedbackReport,
    ),
    report(
        "/api/v1/scores",
        "getScores",
        "feedback",
        "Scores by name and group",
        read_scores,
        query=SaidQuery,
        answer=ScoreReport,
    ),
)
RULES = (
    Operation(
        method="GET",
        path="/api/v1/alerts",
        name="listAlerts",
        tag="budgets and alerts",
        summary="What was told of budgets and alert rules",
        handler=get_alerts,
        query=AlertsQuery,
        answer=AlertPage,
    ),
    Operation(
        method="GET",
        path="/api/v1/budgets",
        name="listBudgets",
        tag="budgets and alerts",
        summary="How every rule in force stands now, group by group",
        handler=get_budgets,
        query=BudgetsQuery,
        answer=Budgets,
    ),
)
SQL = (
    Operation(
        method="POST",
        path="/api/v1/sql",
        name="runSql",
        tag="sql",
        summary="One SELECT over the views of the project, as JSON or as a file",
        handler=handlers.post_sql,
        body=SqlQuery,
        answer=SqlResult,
        media=dict.fromkeys(FILES, "If the body asks for it."),
        example={
            "query": "SELECT model, sum(cost_usd) FROM calls WHERE user_id = {user:String} GROUP BY model",
            "parameters": {"user": "alice"},
        },
    ),
    Operation(
        method="GET",
        path="/api/v1/sql/schema",
        name="getSchema",
        tag="sql",
        summary="The views, their columns, and what each means",
        handler=get_schema,
        answer=Schema,
    ),
)
SAVED = (
    Operation(
        method="GET",
        path="/api/v1/sql/queries",
        name="listSavedQueries",
        tag="sql",
        summary="The project's saved queries",
        handler=get_queries,
        answer=SavedQueries,
    ),
    Operation(
        method="PUT",
        path="/api/v1/sql/queries",
        name="saveQuery",
        tag="sql",
        summary="Save a query under a name, or replace the one that has it",
        handler=put_query,
        body=NewSavedQuery,
        answer=SavedQuery,
        example={
            "name": "cost by team",
            "query": "SELECT properties['team'], sum(cost_usd) FROM calls GROUP BY 1",
        },
    ),
    Operation(
        method="DELETE",
        path="/api/v1/sql/queries/{id}",
        name="forgetQuery",
        tag="sql",
        summary="Forget a saved query",
        handler=delete_query,
        status=204,
    ),
)
OTHERS = (
    Operation(
        method="GET",
        path="/api/v1/info",
        name="getInfo",
        tag="about",
        summary="About this installation",
        handler=handlers.get_info,
        answer=Info,
    ),
)
OPERATIONS: tuple[Operation, ...] = (*REQUESTS, *REPORTS, *RULES, *SQL, *SAVED, *OTHERS)
