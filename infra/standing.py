"""How rules stand, for the query API: read from the embedded runner's state, or followed on Kafka."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tallygate.analytics.reports.budgets import GroupStanding, NotYetError, RuleStanding
from tallygate.control.instants import instant
from tallygate.runtime.compacted import CompactedReader, Entry
from tallygate.runtime.config import KafkaConfig
from tallygate.runtime.kafka import KafkaUnavailableError
from tallygate.schemas.codec import BadRecordError, decode
from tallygate.schemas.records import RuleState
from tallygate.schemas.rules import Rule, RuleBook
from tallygate.schemas.topics import RULE_STATES, RULE_TOTALS
from tallygate.schemas.totals import RuleTotals
from tallygate.stream_processors.budgets.standing import Standing, standings
from tallygate.stream_processors.embedded.read import read_standing
from tallygate.stream_processors.errors import RetryableError

log = logging.getLogger(__name__)

POLL_S = 1.0
"""How long a poll waits for news; they end it."""
AGAIN_S = 1.0
Rules = Callable[[], RuleBook]
Place = tuple[str, int, bytes]
"""Topic, partition and key: each partition has sums of its own."""


class EmbeddedLedger:
    """A `Ledger` over the runner's state file."""

    def __init__(self, rules: Rules, state: Path) -> None:
        self._rules = rules
        self._state = state

    def __call__(self, project: str) -> Sequence[RuleStanding]:
        """See `Ledger`."""
        rules = self._rules().rules.get(project, ())
        if not rules:
            return []
        try:
            totals, states = read_standing(self._state, project)
        except RetryableError as error:
            raise NotYetError("the sums are not there yet") from error
        return stand(rules, totals, states)


class KafkaLedger:
    """A `Ledger` that holds what it has read of the topics. While Kafka is away the last of it is told."""

    def __init__(self, config: KafkaConfig, rules: Rules) -> None:
        self._config = config
        self._rules = rules
        self._records: dict[Place, RuleTotals | RuleState] = {}
        self._caught_up = False

    def __call__(self, project: str) -> Sequence[RuleStanding]:
        """See `Ledger`."""
        if not self._caught_up:
            raise NotYetError("the sums are being read")
        # A copy in one step: the loop's thread goes on to write.
        mine = [record for record in list(self._records.values()) if record.project == project]
        totals = [record for record in mine if isinstance(record, RuleTotals)]
        states = [record for record in mine if isinstance(record, RuleState)]
        return stand(self._rules().rules.get(project, ()), totals, states)

    async def run(self) -> None:
        """Follow the topics until cancelled."""
        while True:
            reader = CompactedReader(self._config, [RULE_TOTALS, RULE_STATES])
            try:
                await self._follow(reader)
            except KafkaUnavailableError as error:
                log.warning("how rules stand is told as it was: %s", error)
            finally:
                await reader.close()
            await asyncio.sleep(AGAIN_S)

    async def _follow(self, reader: CompactedReader) -> None:
        """From the beginning: what was deleted meanwhile must not stay."""
        await reader.open()
        fresh: dict[Place, RuleTotals | RuleState] = {}
        while True:
            for entry in await reader.poll(POLL_S):
                _take(fresh, entry)
            if reader.caught_up:
                self._records, self._caught_up = fresh, True


def _take(records: dict[Place, RuleTotals | RuleState], entry: Entry) -> None:
    place = (entry.topic, entry.partition, entry.key)
    records.pop(place, None)
    if entry.value is None:
        return
    model: type[RuleTotals | RuleState] = RuleTotals if entry.topic == RULE_TOTALS.name else RuleState
    try:
        records[place] = decode(model, entry.value)
    except BadRecordError as error:
        log.error("%s/%d: a record is left out: %s", entry.topic, entry.partition, error)  # noqa: TRY400


def stand(
    rules: Iterable[Rule], totals: Iterable[RuleTotals], states: Iterable[RuleState]
) -> list[RuleStanding]:
    """How rules stand now, by all their sums and states."""
    now_us = time.time_ns() // 1000
    sums: dict[str, list[RuleTotals]] = defaultdict(list)
    told: dict[str, list[RuleState]] = defaultdict(list)
    for each in totals:
        sums[each.rule_id].append(each)
    for state in states:
        told[state.rule_id].append(state)
    return [_standing(rule, sums[rule.rule_id], told[rule.rule_id], now_us) for rule in rules]


def _standing(rule: Rule, totals: list[RuleTotals], states: list[RuleState], now_us: int) -> RuleStanding:
    found = standings(rule, totals, states, now_us)
    firing = any(group.firing for group in found.groups)
    return RuleStanding(
        rule=rule,
        state="firing" if firing else "pending" if found.pending else "ok",
        groups=[_group(group) for group in found.groups],
        groups_total=len(found.groups),
    )


def _group(group: Standing) -> GroupStanding:
    return GroupStanding(
        group=group.group,
        value=group.value,
        percent=group.percent,
        projected=group.projected,
        baseline=group.baseline,
        requests=group.requests,
        period_start=instant(group.period.start_us),
        period_end=instant(group.period.end_us),
        firing=list(group.firing),
    )
