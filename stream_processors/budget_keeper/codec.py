"""What an evaluation brought, as messages; and back. Pure."""

from collections.abc import Iterable
from typing import TypeVar

import orjson

from tallygate.runtime.compacted import Entry
from tallygate.runtime.messages import Message, Place, partition_of
from tallygate.schemas.codec import BadRecordError, decode, encode
from tallygate.schemas.model import Record
from tallygate.schemas.records import Alert
from tallygate.schemas.topics import ALERTS, BUDGETS, RULE_STATES, Topic
from tallygate.stream_processors.budgets.evaluator import GroupKey, Outcome

R = TypeVar("R", bound=Record)


def messages_of(outcome: Outcome, partitions: int) -> dict[Place, list[Message]]:
    """All of it, by partition; a key's messages are always in the same one."""
    found: dict[Place, list[Message]] = {}

    def put(topic: Topic, key: bytes, value: bytes | None) -> None:
        place = Place(topic.name, partition_of(key, partitions))
        found.setdefault(place, []).append(Message(key, value))

    for alert in outcome.alerts:
        put(ALERTS, alert_key(alert), encode(alert))
    for group, state in outcome.states.items():
        put(RULE_STATES, group_key(group), None if state is None else encode(state))
    for group, budget in outcome.budgets.items():
        put(BUDGETS, group_key(group), None if budget is None else encode(budget))
    return found


def alert_key(alert: Alert) -> bytes:
    """A rule's alerts share a partition, and so keep their order."""
    return orjson.dumps([alert.project, alert.budget_id])


def group_key(group: GroupKey) -> bytes:
    """The key of a group's state and budget."""
    return orjson.dumps([group.rule_id, group.group])


def latest(entries: Iterable[Entry], topic: Topic, model: type[R]) -> list[R]:
    """The records of a compacted topic that are there. What can't be read is left out: it is written anew."""
    values: dict[bytes, bytes] = {}
    for entry in entries:
        if entry.topic != topic.name:
            continue
        values.pop(entry.key, None)
        if entry.value is not None:
            values[entry.key] = entry.value
    found: list[R] = []
    for value in values.values():
        try:
            found.append(decode(model, value))
        except BadRecordError:
            continue
    return found
