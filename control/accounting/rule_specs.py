"""What may be asked of rules."""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints

from tallygate.control.accounting.amounts import Milliseconds, Percent, Usd, Whole
from tallygate.control.specs import Expiry, Name, ProjectId, Spec, TimeZone
from tallygate.schemas.filter_fields import MAX_PROPERTY_CHARS, PROPERTY_PREFIX
from tallygate.schemas.filters import Filter
from tallygate.schemas.rules import Action, CalendarWindow, Direction, Kind, Metric, SlidingWindow

_GROUPS = ("", "user", "key", "model", "provider")
_PERIODS = ("hour", "day", "week", "month")
_SPAN = re.compile(r"([0-9]{1,7})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def _group(value: str) -> str:
    name = value.removeprefix(PROPERTY_PREFIX)
    if value in _GROUPS:
        return value
    if name == value or not 1 <= len(name) <= MAX_PROPERTY_CHARS or not name.isprintable():
        raise ValueError("is none of user, key, model, provider or property.<name>")
    return PROPERTY_PREFIX + name.lower()


def _window(value: Any) -> Any:
    """`day` and `90m` are short for the whole form."""
    if not isinstance(value, str):
        return value
    if value in _PERIODS:
        return {"kind": "calendar", "period": value}
    span = _SPAN.fullmatch(value)
    if span is None:
        raise ValueError("is none of hour, day, week or month, nor a length of time such as 15m or 7d")
    return {"kind": "sliding", "seconds": int(span[1]) * _SECONDS[span[2]]}


class _Calendar(CalendarWindow):
    model_config = ConfigDict(extra="forbid")


class _Sliding(SlidingWindow):
    model_config = ConfigDict(extra="forbid")


def _ascending(value: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(value)))


ChannelId = Annotated[str, StringConstraints(pattern=r"^chan_[0-9a-f]{32}$")]
Window = Annotated[Annotated[_Calendar | _Sliding, Field(discriminator="kind")], BeforeValidator(_window)]
Thresholds = Annotated[
    tuple[Annotated[int, Field(ge=1, le=1000)], ...],
    Field(min_length=1, max_length=10),
    AfterValidator(_ascending),
]


class RuleFields(Spec):
    """What a rule can be told; `schemas.rules.Rule` says what each means."""

    enabled: bool = True
    filter: Filter | None = None
    group_by: Annotated[str, AfterValidator(_group)] = ""
    window: Window = _Calendar()
    """Also `hour`, `day`, `week`, `month`, or a length of time as `15m`."""
    time_zone: TimeZone | None = None
    """None: the project's."""
    limit: Whole | None = None
    limit_usd: Usd | None = None
    limit_ms: Milliseconds | None = None
    limit_percent: Percent | None = None
    direction: Direction = "above"
    thresholds_percent: Thresholds = (100,)
    min_requests: Whole = 0
    hysteresis_percent: Annotated[int, Field(ge=0, le=99)] = 10
    kind: Kind = "threshold"
    weeks: Annotated[int, Field(ge=1, le=8)] = 4
    factor: Annotated[Decimal, Field(gt=1, le=1000, decimal_places=2)] = Decimal(3)
    min_value: Whole | None = None
    min_value_usd: Usd | None = None
    min_value_ms: Milliseconds | None = None
    min_value_percent: Percent | None = None
    action: Action = "notify"
    reserve: bool = False
    notify_resolved: bool = True
    muted_until: Expiry | None = None
    channels: Annotated[tuple[ChannelId, ...], Field(max_length=50)] = ()


class NewRule(RuleFields):
    """A rule to make."""

    project: ProjectId
    name: Name
    metric: Metric


class RulePatch(RuleFields):
    """Changes of a rule."""

    name: Name = ""
    metric: Metric = "cost"
