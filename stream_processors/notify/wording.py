"""An alert in words, for people. Pure."""

from dataclasses import dataclass
from typing import Literal

from tallygate.schemas.records import Alert
from tallygate.schemas.webhooks import AlertWebhook, CallWebhook, Payload, Ping
from tallygate.stream_processors.notify.amounts import amount, metric_name, moment, usd, when


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person is told."""

    mood: Literal["bad", "good", "plain"]
    title: str
    """One line."""
    facts: tuple[tuple[str, str], ...]
    """Names and values."""


def notice_of(payload: Payload) -> Notice:
    """The words for a payload."""
    if isinstance(payload, AlertWebhook):
        return _alert(payload.data)
    if isinstance(payload, CallWebhook):
        call = payload.data
        cost = "unknown" if call.cost_nanos is None else usd(call.cost_nanos)
        facts = (
            ("Project", call.project),
            ("Model", call.model),
            ("Status", str(call.status)),
            ("Cost", cost),
        )
        return Notice("plain", f"Call {call.request_id} has ended", facts)
    return _ping(payload.data)


def _ping(ping: Ping) -> Notice:
    return Notice("plain", "Test of a Tallygate channel", (("Project", ping.project), ("", ping.message)))


def _alert(alert: Alert) -> Notice:
    resolved = alert.state == "resolved"
    told = _resolved(alert) if resolved else _firing(alert)
    return Notice("good" if resolved else "bad", _line(f"{alert.name}: {told}"), _facts(alert))


def _firing(alert: Alert) -> str:
    name, value = metric_name(alert.metric), amount(alert.metric, alert.value)
    if alert.kind == "projected" and alert.projected is not None:
        ending = amount(alert.metric, alert.projected)
        return f"at this rate {name} will be {ending} by the end of the {alert.window or 'period'}"
    if alert.kind == "anomaly" and alert.baseline is not None:
        return f"{name} is {value} this hour, usually {amount(alert.metric, alert.baseline)}"
    verb = "has reached" if alert.direction == "above" else "is below"
    return f"{name} is {value} and {verb} {_threshold(alert)}"


def _resolved(alert: Alert) -> str:
    return f"resolved, {metric_name(alert.metric)} is {amount(alert.metric, alert.value)}"


def _threshold(alert: Alert) -> str:
    if alert.limit is None or alert.threshold_percent == 100:
        return amount(alert.metric, alert.threshold)
    return f"{alert.threshold_percent} % of {amount(alert.metric, alert.limit)}"


def _facts(alert: Alert) -> tuple[tuple[str, str], ...]:
    label = alert.group_by.removeprefix("property.").capitalize() or "Group"
    facts = [
        ("Project", alert.project),
        (label, _line(alert.group)),
        ("Value", amount(alert.metric, alert.value)),
        ("Threshold", _threshold(alert)),
        ("Time", when(alert.window, alert.period_start_us, alert.time_zone)),
        ("Requests", f"{alert.requests:,}" if alert.requests else ""),
        ("Calls", _calls(alert)),
        ("Raised", moment(alert.raised_at_us, alert.time_zone).strftime("%Y-%m-%d %H:%M:%S %Z")),
    ]
    return tuple((name, value) for name, value in facts if value)


def _calls(alert: Alert) -> str:
    """What the rule does to further calls, once its whole limit is reached."""
    reached = alert.limit is not None and alert.value >= alert.limit
    if alert.state == "resolved" or alert.action == "notify" or not reached:
        return ""
    return "are refused until the period ends" if alert.action == "block" else "go on, with a warning"


def _line(text: str) -> str:
    return " ".join(text.split())
