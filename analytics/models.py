"""What the query API takes and answers."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from tallygate.control.records import ProjectRole

Usd = Annotated[Decimal, PlainSerializer(lambda usd: f"{usd:f}", return_type=str)]
"""US dollars as text with all nine decimals: exact, and never in exponents."""


class ApiModel(BaseModel):
    """Frozen; unknown fields of a request are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class SqlQuery(ApiModel):
    """A query over the views of the caller's project."""

    query: Annotated[str, Field(min_length=1, max_length=65_536)]
    parameters: dict[str, Any] = {}
    """Values of the query's `{name:Type}` parameters."""
    format: Literal["json", "csv", "jsonl", "parquet"] = "json"
    """As a file a result has up to a million rows, and is whole or refused."""


class Column(ApiModel):
    """A column of a result, with its ClickHouse type."""

    name: str
    type: str


class SqlResult(ApiModel):
    """A result. Integers are JSON integers of any size, decimals are strings, times are ISO 8601 in UTC."""

    columns: list[Column]
    rows: list[list[Any]]
    row_count: int
    truncated: bool
    """Whether there were more rows than are answered."""
    elapsed_ms: float


class CallFields(ApiModel):
    """What is told of a call everywhere."""

    request_id: str
    received_at: datetime
    ended_at: datetime
    project: str
    user_id: str
    key_id: str
    session_id: str
    session_name: str
    session_path: str
    prompt_id: str
    prompt_version: str
    properties: dict[str, str]
    method: str
    path: str
    endpoint: str
    model_requested: str
    model: str
    provider: str
    provider_request_id: str
    status: int
    outcome: str
    error_code: str
    error_message: str
    stream: bool
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    input_audio_tokens: int
    output_audio_tokens: int
    token_source: str
    priced: bool
    cost_nanos: int | None
    """1 USD is 1 000 000 000; null exactly if not priced."""
    cost_usd: Usd | None
    price_ref: str
    service_tier: str
    latency_ms: float
    ttft_ms: float | None
    cache: str
    prompt_bytes: int
    response_bytes: int


class CallSummary(CallFields):
    """A call without its bodies."""

    attempts: int
    """Number of tries, the first included."""


class CallPage(ApiModel):
    """Calls, the latest first."""

    requests: list[CallSummary]
    next_cursor: str | None
    """Give it as `cursor` to get what comes after; null at the end."""


class SearchPage(CallPage):
    """Calls in the order asked for."""

    total: int | None = None
    """Of all calls that the filter means, if it was asked for."""


class AttemptDetail(ApiModel):
    """One try of a provider."""

    provider: str
    model: str
    status: int
    error: str
    started_at: datetime
    latency_ms: float
    delay_ms: float


Rating = Literal["up", "down", "none"]


class FeedbackGiven(ApiModel):
    """A rating that counts: the last one of its author."""

    rating: Rating
    comment: str
    given_by: str
    given_at: datetime


class ScoreGiven(ApiModel):
    """A score that counts: the last one of its name."""

    name: str
    value: float
    comment: str
    given_at: datetime


class CallDetail(CallFields):
    """A call with its bodies, and every try."""

    attempts: list[AttemptDetail]
    input_cost_nanos: int | None
    output_cost_nanos: int | None
    rate_limit: dict[str, str]
    prompt: str
    response: str
    prompt_truncated: bool
    response_truncated: bool
    feedback: list[FeedbackGiven]
    scores: list[ScoreGiven]


class Totals(ApiModel):
    """Sums over calls."""

    requests: int
    errors: int
    """Calls that failed or were refused."""
    error_rate: float | None
    """Errors by requests; null without requests."""
    unpriced: int
    """Calls whose cost is not known."""
    cost_nanos: int
    """Of the priced calls."""
    cost_usd: Usd
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    latency_ms_avg: float | None
    latency_ms_max: float | None


class UsageRow(Totals):
    """Sums over the calls of one group."""

    group: dict[str, str]
    """Value of each dimension asked for; times as ISO 8601."""


class UsageReport(ApiModel):
    """Sums by group, the costliest first (by time, the latest first)."""

    rows: list[UsageRow]
    total: UsageRow
    truncated: bool


class ApiError(ApiModel):
    """What went wrong."""

    message: str
    type: str = "tallygate_error"
    code: str
    position: int | None = None
    param: str | None = None


class ErrorAnswer(ApiModel):
    """The body of every error."""

    error: ApiError


class Asker(ApiModel):
    """About who asks."""

    mode: str
    """How one signs in here; `open` if one doesn't."""
    email: str | None
    """None in open mode, and for a token."""
    name: str | None
    administrator: bool
    """Of the installation."""
    project: str | None
    """What a request that names no project is about."""
    projects: list[ProjectRole]
    """To choose from, with the role there."""


class Info(ApiModel):
    """About this installation, and about who asks."""

    version: str
    gateway_url: str
    you: Asker | None = None
