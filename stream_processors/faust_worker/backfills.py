"""What was counted before new rules, asked of the store of calls in a thread of its own."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tallygate.stream_processors.errors import ProcessorError
from tallygate.stream_processors.rules.backfill import BackfillAsked, BackfillRow, PastCalls

log = logging.getLogger(__name__)
RETRY_S = 5.0
"""After the store did not answer, or lacked calls. The stream goes on meanwhile."""


class Answer(NamedTuple):
    """What the store knows of the time before a rule."""

    asked: BackfillAsked
    rows: Sequence[BackfillRow]


class Backfills:
    """Asks; never raises, for the totals do not depend on the store."""

    def __init__(self, past: PastCalls) -> None:
        self._past = past
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="backfill")
        self._again_s: dict[int, float] = {}

    async def ask(self, partition: int, pending: Sequence[BackfillAsked]) -> list[Answer]:
        """Answers to those questions that can be answered already."""
        if time.monotonic() < self._again_s.get(partition, 0.0):
            return []
        loop = asyncio.get_running_loop()
        answers = await loop.run_in_executor(self._thread, self._ask, partition, pending)
        if len(answers) < len(pending):
            self._again_s[partition] = time.monotonic() + RETRY_S
        return answers

    def close(self) -> None:
        """End the thread when its question is answered."""
        self._thread.shutdown(wait=False)

    def _ask(self, partition: int, pending: Sequence[BackfillAsked]) -> list[Answer]:
        answers: list[Answer] = []
        try:
            held = self._past.held(partition)
        except ProcessorError as error:
            log.warning("rules of partition %d lack the calls before them: %s", partition, error)
            return answers
        for asked in pending:
            try:
                if _reaches(held, asked.marks):
                    answers.append(Answer(asked, self._past.sums(asked)))
            except ProcessorError as error:
                log.warning("rule %s lacks the calls before it: %s", asked.rule.rule_id, error)
        return answers


def _reaches(held: Mapping[str, int], marks: Mapping[str, int]) -> bool:
    return all(held.get(edge, -1) >= seq for edge, seq in marks.items())
