"""Records: what the processors derive from the events. Each can be rebuilt from them."""

from typing import Literal

from tallygate.schemas.call import CallResult, Count, Micros, Nanos, Origin
from tallygate.schemas.model import Record

TokenSource = Literal["provider", "estimated", "none"]


class Tokens(Record):
    """Token counts of one call, or summed over many."""

    input_tokens: Count = 0
    """All input, cached, written to a cache and audio included."""
    output_tokens: Count = 0
    """All output, reasoning and audio included."""
    cached_input_tokens: Count = 0
    cache_write_tokens: Count = 0
    reasoning_tokens: Count = 0
    input_audio_tokens: Count = 0
    output_audio_tokens: Count = 0


class Call(CallResult, Tokens):
    """One priced call."""

    record: Literal["llm.call"] = "llm.call"
    schema_version: Literal[1] = 1
    origin: Origin
    token_source: TokenSource = "none"  # noqa: S105
    priced: bool
    """False: tokens were used and no price is known. Never to be read as "free"."""
    cost_nanos: Nanos | None
    """None exactly if not priced."""
    input_cost_nanos: Nanos | None = None
    output_cost_nanos: Nanos | None = None
    cache_saved_nanos: Nanos | None = None
    """What an answer from the gateway's cache would have cost now; None if it is none, or can't be priced."""
    price_ref: str = ""
    """Where the price comes from, as `genai-prices/0.2.3 openai/gpt-4o-mini`."""
    service_tier: str = ""
    prompt: str = ""
    """The request's body as text (base64 if it was binary)."""
    response: str = ""
    """The answer's body; of a stream, the message put together from its events."""
    prompt_bytes: Count = 0
    response_bytes: Count = 0
    prompt_truncated: bool = False
    response_truncated: bool = False


class Alert(Record):
    """A rule's threshold was crossed, or is no longer."""

    record: Literal["llm.alert"] = "llm.alert"
    schema_version: Literal[1] = 1
    alert_id: str
    """UUIDv5 of rule, group, threshold and period: one crossing has one id wherever it is seen."""
    project: str
    budget_id: str
    """Id of the rule."""
    name: str
    metric: str
    group: str = ""
    period_start_us: Micros
    period_end_us: Micros
    threshold: int
    """In the metric's unit: nano-dollars, requests, tokens, microseconds or parts per million."""
    value: int
    state: Literal["firing", "resolved"]
    raised_at_us: Micros
    resolves: str = ""
    """Of a resolved alert, the id of the firing one; it has an id of its own."""
    notify: bool = True
    """False: it is kept, and nobody is told: the rule is muted, or its ends are not asked for."""
    kind: Literal["threshold", "projected", "anomaly"] = "threshold"
    direction: Literal["above", "below"] = "above"
    action: Literal["notify", "warn", "block"] = "notify"
    group_by: str = ""
    """What `group` is a value of: empty, `user`, `key`, `model`, `provider` or `property.<name>`."""
    threshold_percent: int = 100
    """The threshold as a part of the limit; of an anomaly, of the baseline."""
    limit: int | None = None
    """In the metric's unit; None of an anomaly."""
    window: str = ""
    """`hour`, `day`, `week` or `month`; of a sliding window its length, as `3600s`."""
    time_zone: str = "UTC"
    requests: Count = 0
    """In the window."""
    projected: int | None = None
    """Of `projected`: the value at the period's end, if it goes on so."""
    baseline: int | None = None
    """Of `anomaly`: the same hour's mean over past weeks."""
    channels: tuple[str, ...] = ()
    """Ids of whom to tell; empty: every channel of the project that takes alerts."""


class Firing(Record):
    """One crossing of one threshold."""

    threshold: int
    percent: int
    """Both as in `Alert`."""
    episode_us: Micros
    """Start of the period; of a sliding window, when it was crossed."""
    period_end_us: Micros
    alert_id: str
    over: bool = False
    """It has ended. Kept for a while: a threshold is told of once a period."""


class RuleState(Record):
    """What a rule has told of one group."""

    record: Literal["llm.rule_state"] = "llm.rule_state"
    schema_version: Literal[1] = 1
    project: str
    rule_id: str
    counting_revision: Count
    group: str = ""
    firings: tuple[Firing, ...] = ()


class BudgetState(Record):
    """What a rule allows one group in the current period, for the edges."""

    record: Literal["llm.budget"] = "llm.budget"
    schema_version: Literal[1] = 1
    budget_id: str
    """Id of the rule."""
    name: str
    project: str
    group: str = ""
    """The rule's group that it is the state of."""
    scope: Literal["project", "key", "user", "model", "provider", "property"]
    value: str = ""
    """Whose calls count: the label's value; empty of the project."""
    property_name: str = ""
    """Of a property, in lower case."""
    limit: Count
    """In the rule's unit, as `spent` is."""
    spent: Count
    period_start_us: Micros
    period_end_us: Micros
    action: Literal["warn", "block"]
    version: Count
    """Grows with every change of this state."""
    applied: dict[str, int] = {}
    """With reservations: highest sequence number that `spent` has counted, by `<partition>/<edge>`."""


class DeadLetter(Record):
    """A message that could not be processed, kept with its reason."""

    record: Literal["llm.deadletter"] = "llm.deadletter"
    schema_version: Literal[1] = 1
    source: str
    """Topic, or outbox, that it came from."""
    partition: Count
    offset: Count
    reason: str
    payload: str
    """Base64 of the bytes."""
    payload_truncated: bool = False
    """Only the beginning is here; the whole is in the log for as long as that goes back."""
    origin: Origin | None = None
    """Of the event inside, if the payload still tells."""
    failed_at_us: Micros
