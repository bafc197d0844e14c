"""Rules of the accounting: what to count and to tell of, whom to tell, and what calls cost.

People set them in the control store; processors and edges get them as a `RuleBook`. Whether a rule makes
sense is checked there, when it is set (`control/accounting/checks.py`): what is here is taken as it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import Field

from tallygate.schemas.call import Count, Micros
from tallygate.schemas.filters import Filter
from tallygate.schemas.model import Record
from tallygate.schemas.periods import Period

SumMetric = Literal[
    "cost",
    "requests",
    "errors",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "rate_limit_hits",
]
"""What only grows within a window. `errors` are all calls that did not end well, time-outs and cancellations
by the caller included; `rate_limit_hits` are the answers with status 429, the gateway's own included."""
RatioMetric = Literal["error_rate", "cache_hit_rate"]
"""Parts of the window's requests."""
QuantileMetric = Literal["latency_p50", "latency_p95", "latency_p99", "ttft_p50", "ttft_p95", "ttft_p99"]
Metric = SumMetric | RatioMetric | QuantileMetric

SUM_METRICS: frozenset[str] = frozenset(get_args(SumMetric))
RATIO_METRICS: frozenset[str] = frozenset(get_args(RatioMetric))
QUANTILE_METRICS: frozenset[str] = frozenset(get_args(QuantileMetric))

Kind = Literal["threshold", "projected", "anomaly"]
Action = Literal["notify", "warn", "block"]
Direction = Literal["above", "below"]


class CalendarWindow(Record):
    """The running hour, day, week (from Monday) or month of the rule's time zone."""

    kind: Literal["calendar"] = "calendar"
    period: Period = "day"


class SlidingWindow(Record):
    """The last so many seconds."""

    kind: Literal["sliding"] = "sliding"
    seconds: Annotated[int, Field(ge=60, le=2_678_400)]


Window = Annotated[CalendarWindow | SlidingWindow, Field(discriminator="kind")]


class Rule(Record):
    """A budget or an alert rule: when a metric of some calls passes a limit, do something."""

    record: Literal["llm.rule"] = "llm.rule"
    schema_version: Literal[1] = 1
    rule_id: str
    project: str
    name: str
    enabled: bool = True
    revision: Count = 1
    """Grows with every change."""
    counting_revision: Count = 1
    """Grows only when what is counted changes: metric, filter, group, window, time zone, kind or weeks; and
    when the rule is in force again, for while it was not nobody counted."""
    metric: Metric
    filter: Filter | None = None
    """Which calls count; None: all."""
    group_by: str = ""
    """Empty, `user`, `key`, `model`, `provider`, or `property.` and a name in lower case: each value has a
    state of its own, and a call without one is not counted."""
    window: Window = CalendarWindow()
    time_zone: str = "UTC"
    """IANA name: whose hours, days, weeks and months."""
    limit: Count = 0
    """In the metric's unit: nano-dollars, a number of calls or tokens, microseconds, parts per million.
    Without meaning for `anomaly`."""
    direction: Direction = "above"
    """`above` fires at the limit or over it, `below` under it."""
    thresholds_percent: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = (100,)
    """Parts of the limit at which to tell, growing."""
    min_requests: Count = 0
    """Fewer in the window say nothing."""
    hysteresis_percent: Annotated[int, Field(ge=0, le=99)] = 10
    """How far, of the threshold, the value must come back for it to be over. Sums in calendar windows are
    over with their period."""
    kind: Kind = "threshold"
    """`projected` looks at the value at the period's end if it goes on so; `anomaly` compares with the same
    hour of past weeks."""
    weeks: Annotated[int, Field(ge=1, le=8)] = 4
    """Of `anomaly`: how many past weeks."""
    factor_percent: Annotated[int, Field(ge=101, le=100_000)] = 300
    """Of `anomaly`: fires at this part of the past weeks' mean."""
    min_value: Count = 0
    """Of `anomaly`: a smaller value is none."""
    action: Action = "notify"
    """`warn` marks the answers of calls over the limit, `block` refuses them with 402."""
    reserve: bool = False
    """Of `block` on `cost`: what a call may cost at worst is set aside before it, so nothing overshoots."""
    notify_resolved: bool = True
    """Tell when it is over, too."""
    muted_until_us: Micros | None = None
    """Until then alerts are kept and nobody is told."""
    channels: tuple[str, ...] = ()
    """Ids of whom to tell; empty: every channel of the project that takes alerts."""
    created_at_us: Micros
    updated_at_us: Micros = 0
    """Of the last change: what is changed now does not fire for what was."""

    @property
    def is_sum(self) -> bool:
        """Whether the metric only grows within a window."""
        return self.metric in SUM_METRICS


class Channel(Record):
    """Somebody to tell. What is needed to reach it, and must not be read by others, is kept apart."""

    record: Literal["llm.channel"] = "llm.channel"
    schema_version: Literal[1] = 1
    channel_id: str
    project: str
    name: str
    kind: Literal["webhook", "slack", "email"]
    events: Literal["alerts", "calls"] = "alerts"
    """Only webhooks take `calls`."""
    target: str = ""
    """For people to recognise it: the URL without what may be secret in it; empty of `email`."""
    addresses: tuple[str, ...] = ()
    """Of `email`."""
    enabled: bool = True
    disabled_reason: str = ""
    """Why it was turned off, if nobody asked for that: the receiver said that it is gone."""
    created_at_us: Micros


class CallHook(Record):
    """Records of calls to send to a webhook, whether or not the caller asked for that."""

    record: Literal["llm.call_hook"] = "llm.call_hook"
    schema_version: Literal[1] = 1
    hook_id: str
    project: str
    name: str
    channel_id: str
    filter: Filter | None = None
    """Which calls; None: all."""
    sample_percent: Annotated[float, Field(gt=0, le=100)] = 100
    """How many of them, chosen by the request's id."""
    include_bodies: bool = False
    enabled: bool = True
    created_at_us: Micros


Price = Annotated[Decimal, Field(ge=0, le=1_000_000, max_digits=18, decimal_places=12)]
"""Dollars."""
TokenKind = Literal[
    "input",
    "output",
    "cached_input",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "input_audio",
    "output_audio",
]
"""A kind without a price of its own costs what `input` or `output` does; `cache_write_1h`, what
`cache_write` does."""
ServiceTier = Literal["standard", "batch", "flex", "priority"]
TokenPrices = dict[TokenKind, Price]
"""Dollars per million tokens."""


class PriceTier(Record):
    """Prices of long calls."""

    above_input_tokens: Count
    """A call with more input tokens than this costs these prices, all of it; kinds not named here cost what
    they do below."""
    prices: TokenPrices


class PriceOverride(Record):
    """What a project pays for some models, instead of the price list's prices."""

    record: Literal["llm.price_override"] = "llm.price_override"
    schema_version: Literal[1] = 1
    price_id: str
    project: str
    name: str = ""
    provider: str = "*"
    """A glob, without case. Of several overrides that fit, the one made last counts."""
    model: str
    """A glob, without case."""
    valid_from_us: Micros = 0
    valid_to_us: Micros | None = None
    """Excluded."""
    prices: TokenPrices = {}
    """Empty: the price list's own, which then only `multipliers` and `per_request` change."""
    tiers: tuple[PriceTier, ...] = ()
    """By growing `above_input_tokens`; the last that is exceeded counts."""
    per_request: Price = Decimal(0)
    """Dollars a call, besides its tokens."""
    multipliers: dict[ServiceTier, Price] = {}
    """Times the prices of tokens, by the service tier that answered. `standard` is the discount of calls
    without another; a tier that isn't named costs what its own prices are in the list, else the standard."""
    created_at_us: Micros


P = TypeVar("P", Rule, Channel, CallHook, PriceOverride)
ByProject = Mapping[str, tuple[P, ...]]


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All that is in force, of one state of the control store. Projects that are archived have nothing."""

    version: int = -1
    """Grows with every change of the store."""
    rules: ByProject[Rule] = field(default_factory=dict)
    """Enabled ones, by project, in the order in which they were made."""
    channels: ByProject[Channel] = field(default_factory=dict)
    hooks: ByProject[CallHook] = field(default_factory=dict)
    price_overrides: ByProject[PriceOverride] = field(default_factory=dict)
    """The newest first."""
    time_zones: Mapping[str, str] = field(default_factory=dict)
    """IANA name by project."""

    def time_zone(self, project: str) -> str:
        """A project's time zone."""
        return self.time_zones.get(project, "UTC")


def by_project(items: Iterable[P]) -> dict[str, tuple[P, ...]]:
    """Put things under their projects, in their order."""
    found: dict[str, list[P]] = defaultdict(list)
    for item in items:
        found[item.project].append(item)
    return {project: tuple(of_it) for project, of_it in found.items()}
