"""Records of what calls add up to: running totals, and what the rules count."""

from typing import Annotated, Literal

from pydantic import Field

from tallygate.schemas.call import Count, Micros, Nanos
from tallygate.schemas.model import Record
from tallygate.schemas.periods import Period
from tallygate.schemas.records import Tokens

Dimension = Literal["project", "user", "key", "model", "provider", "property", "session", "workflow"]
Sketch = dict[Annotated[int, Field(ge=-1, le=4096)], Count]
"""Counts by logarithmic bucket; see `stream_processors.usage.sketch`. To merge is to add."""


class Counters(Tokens):
    """What is added up of calls, beside their tokens."""

    requests: Count = 0
    errors: Count = 0
    """Calls that their caller got no whole answer to, time-outs included; not those that the caller left."""
    timeouts: Count = 0
    cancelled: Count = 0
    """Calls that the caller left."""
    rate_limited: Count = 0
    """Calls that a provider or a limit of the gateway answered with 429 at least once."""
    cache_hits: Count = 0
    unpriced: Count = 0
    cost_nanos: Nanos = 0
    cache_saved_nanos: Nanos = 0
    latency_us: Micros = 0
    """Sum over requests."""
    ttft_us: Micros = 0
    """Sum over the calls that had a first byte."""
    ttft_count: Count = 0
    latency_sketch: Sketch = {}
    ttft_sketch: Sketch = {}


class PeriodSums(Counters):
    """The sums of one hour, day, week (from Monday) or month of the project's time zone."""

    period: Period
    start_us: Micros
    end_us: Micros


class UsageTotals(Counters):
    """Running totals of one value of one dimension of a project, within one log partition."""

    record: Literal["llm.usage"] = "llm.usage"
    schema_version: Literal[1] = 1
    project: str
    dimension: Dimension
    name: str = ""
    """Of a property, its name in lower case. Of a step of a workflow, the workflow."""
    value: str
    partition: Count = 0
    """Partition of the log whose calls are totalled here; sum over partitions for the whole."""
    last_seen_us: Micros = 0
    periods: tuple[PeriodSums, ...] = ()
    """The present and the previous period of each kind, by the time of a call's arrival. Older ones are the
    store of calls' affair."""
    applied: dict[str, int] = {}
    """Highest sequence number counted here, by edge id: what is at or below it is not counted again."""
    applied_at_us: dict[str, int] = {}
    """End of the last call counted, by edge id: when a mark above may be forgotten."""


class RuleProgress(Record):
    """How far one rule has counted the calls of one partition."""

    since_us: Micros
    """When counting began. Calls of the window that were counted elsewhere before are added by a backfill."""
    marks: dict[str, int] = {}
    """Highest sequence number by edge id, when counting began: up to there the backfill, from there on the
    stream."""
    backfilled: bool = False
    applied: dict[str, int] = {}
    """Highest sequence number by edge id that this rule has counted, or passed by as not its own."""


class RuleTotals(Counters):
    """What a rule has counted in one time bucket of one group, within one log partition.

    Sums are absolute: a later record of the same key replaces an earlier one. For the whole, sum over
    partitions.
    """

    record: Literal["llm.rule_totals"] = "llm.rule_totals"
    schema_version: Literal[1] = 1
    project: str
    rule_id: str
    counting_revision: Count
    """Of the rule: grows when what is counted changes. Sums of an earlier one say nothing."""
    group: str = ""
    bucket_start_us: Micros = 0
    bucket_end_us: Micros = 0
    partition: Count = 0
    first_us: Micros = 0
    """Arrival of the first and of the last call counted."""
    last_us: Micros = 0
    progress: RuleProgress | None = None
    """Only of the line without group and bucket, which a rule has in each partition and which comes after
    the sums of the same transaction."""
