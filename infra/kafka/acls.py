"""What each kind of process may do in Kafka, as data, and as calls of Kafka's own tool.

`python -m tallygate.infra.kafka.acls edge=alice worker=bob sink=carol` prints the calls.

Least rights: an edge machine can write events and read budgets alone; no process can delete a topic.
"""

import argparse
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from tallygate.schemas import topics
from tallygate.schemas.topics import TOPICS, Topic

Operation = Literal["Read", "Write", "Create", "Describe", "DescribeConfigs"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Operations that a user may do on one resource."""

    kind: Literal["topic", "group", "transactional-id"]
    name: str
    operations: tuple[Operation, ...]
    prefix: bool = False
    """The name begins names, rather than being one."""


def _topics(operation: Operation, *which: Topic) -> list[Rule]:
    return [Rule("topic", topic.name, (operation,)) for topic in which]


EVERYBODY = tuple(Rule("topic", topic.name, ("Describe", "DescribeConfigs", "Create")) for topic in TOPICS)
"""Every process makes sure of the topics at its start."""
ROLES: Mapping[str, tuple[Rule, ...]] = {
    "edge": (*_topics("Write", topics.REQUESTS, topics.RESPONSES), *_topics("Read", topics.BUDGETS)),
    "worker": (
        *_topics("Read", topics.RESPONSES, topics.CALLS, topics.USAGE, topics.RULE_TOTALS),
        *_topics("Write", topics.CALLS, topics.USAGE, topics.RULE_TOTALS, topics.DEADLETTER),
        Rule("group", "tallygate-worker", ("Read",)),
        Rule("transactional-id", "tallygate-usage-", ("Write", "Describe"), prefix=True),
    ),
    "budgets": (
        *_topics("Read", topics.RULE_TOTALS, topics.RULE_STATES, topics.BUDGETS),
        *_topics("Write", topics.ALERTS, topics.RULE_STATES, topics.BUDGETS),
        Rule("group", "tallygate-budgets", ("Read",)),
        Rule("transactional-id", "tallygate-budgets", ("Write", "Describe")),
    ),
    "sink": (
        *_topics("Read", topics.REQUESTS, topics.CALLS, topics.ALERTS),
        *_topics("Write", topics.DEADLETTER),
        Rule("group", "tallygate-sink", ("Read",)),
    ),
}
"""Rules by kind of process, besides those of everybody."""


def commands(users: Mapping[str, str]) -> list[list[str]]:
    """Arguments of `kafka-acls.sh`, one list a call, for Kafka users by role.

    Raises:
        KeyError: there is no such role.
    """
    merged: dict[tuple[tuple[str, ...], str, tuple[Operation, ...], bool], list[str]] = {}
    for who, rules in (
        (tuple(users.values()), EVERYBODY),
        *(((user,), ROLES[role]) for role, user in users.items()),
    ):
        for rule in rules:
            merged.setdefault((who, rule.kind, rule.operations, rule.prefix), []).append(rule.name)
    return [_arguments(*what, names) for what, names in merged.items()]


def _arguments(
    users: Iterable[str], kind: str, operations: Iterable[str], prefix: bool, names: Iterable[str]
) -> list[str]:
    return [
        "--add",
        *(part for user in users for part in ("--allow-principal", f"User:{user}")),
        *(part for name in names for part in (f"--{kind}", name)),
        *(part for operation in operations for part in ("--operation", operation)),
        *(("--resource-pattern-type", "prefixed") if prefix else ()),
    ]


def main() -> int:
    """Print the calls of Kafka's tool for users given as `role=user`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("users", nargs="+", metavar="ROLE=USER", help=f"roles: {', '.join(ROLES)}")
    pairs = dict(given.partition("=")[::2] for given in parser.parse_args().users)
    if unknown := sorted(pairs.keys() - ROLES.keys()):
        parser.error(f"no such role: {', '.join(unknown)}")
    for arguments in commands(pairs):
        sys.stdout.write(shlex.join(["kafka-acls.sh", "--bootstrap-server", "$BROKER", *arguments]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
