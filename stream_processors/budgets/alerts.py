"""Alerts as records, with ids that are the same wherever and however often one crossing is seen."""

import uuid

import orjson

from tallygate.schemas.records import Alert, Firing
from tallygate.schemas.rules import Rule
from tallygate.stream_processors.budgets.reading import Reading

NAMESPACE = uuid.UUID("6f1c1f0e-2c0b-5b7e-9b0b-6f0a4f6e7a11")
"""Of the ids. Never to be changed: receivers know alerts by them."""


def crossing_id(rule: Rule, group: str, threshold: int, episode_us: int) -> str:
    """The id of a crossing."""
    parts = [rule.rule_id, rule.counting_revision, group, threshold, episode_us]
    return str(uuid.uuid5(NAMESPACE, orjson.dumps(parts).decode()))


def end_id(firing_id: str) -> str:
    """The id of the notice that a crossing is over."""
    return str(uuid.uuid5(uuid.UUID(firing_id), "resolved"))


def firing_alert(rule: Rule, group: str, reading: Reading, firing: Firing, now_us: int) -> Alert:
    """A threshold was crossed."""
    return _alert(rule, group, reading, firing, now_us)


def end_alert(rule: Rule, group: str, reading: Reading, firing: Firing, now_us: int) -> Alert:
    """It is over."""
    return _alert(rule, group, reading, firing, now_us).model_copy(
        update={
            "alert_id": end_id(firing.alert_id),
            "state": "resolved",
            "resolves": firing.alert_id,
            "notify": rule.notify_resolved and not _muted(rule, now_us),
        }
    )


def window_text(rule: Rule) -> str:
    """The window for people: `day`, or `3600s`."""
    if rule.kind == "anomaly":
        return "hour"
    return rule.window.period if rule.window.kind == "calendar" else f"{rule.window.seconds}s"


def _alert(rule: Rule, group: str, reading: Reading, firing: Firing, now_us: int) -> Alert:
    return Alert(
        alert_id=firing.alert_id,
        project=rule.project,
        budget_id=rule.rule_id,
        name=rule.name,
        metric=rule.metric,
        group=group,
        period_start_us=reading.span.start_us,
        period_end_us=reading.span.end_us,
        threshold=firing.threshold,
        value=reading.value or 0,
        state="firing",
        raised_at_us=now_us,
        notify=not _muted(rule, now_us),
        kind=rule.kind,
        direction=rule.direction,
        action=rule.action,
        group_by=rule.group_by,
        threshold_percent=firing.percent,
        limit=None if rule.kind == "anomaly" else rule.limit,
        window=window_text(rule),
        time_zone=rule.time_zone,
        requests=reading.requests,
        projected=reading.projected,
        baseline=reading.baseline,
        channels=rule.channels,
    )


def _muted(rule: Rule, now_us: int) -> bool:
    return rule.muted_until_us is not None and now_us < rule.muted_until_us
