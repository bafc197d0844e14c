"""Agent `price`: each response event to a priced call, in the same partition, message by message.

It keeps no state, so a repeat only repeats its output, from a place passed before and in order: whoever reads
`llm.calls` skips that by sequence number.
"""

import asyncio
import logging
import time
from collections.abc import Sequence

from tallygate.runtime.messages import MAX_VALUE_BYTES, Message, Place
from tallygate.runtime.publisher import Publisher, until_available
from tallygate.schemas.codec import encode, encode_lines
from tallygate.schemas.events import ResponseEvent
from tallygate.schemas.records import Call
from tallygate.schemas.topics import CALLS
from tallygate.stream_processors.errors import DeadLetterError
from tallygate.stream_processors.faust_worker.steps import Batch
from tallygate.stream_processors.messages import BadLine, Raw, dead_letters, decode_messages
from tallygate.stream_processors.pricing import Pricer, priced

log = logging.getLogger(__name__)


class PriceStep:
    """Prices, publishes, and counts."""

    def __init__(self, publisher: Publisher, pricer: Pricer, stop: asyncio.Event) -> None:
        self._publisher = publisher
        self._pricer = pricer
        self._stop = stop
        self.priced = 0
        self.dead_letters = 0

    async def process(self, batch: Batch) -> None:
        """See `Step`."""
        output: dict[Place, list[Message]] = {}
        for place, raws in batch.messages.items():
            calls: list[Message] = []
            for raw in raws:
                calls += self._priced(place, raw, output)
                await asyncio.sleep(0)  # up to 500 events: let the consumer's heartbeat in between
            output[Place(CALLS.name, place.partition)] = calls

        async def publish() -> None:
            await self._publisher.publish(output)

        if not await until_available(publish, self._stop, what="publishing calls"):
            raise asyncio.CancelledError

    async def close(self) -> None:
        """See `Step`."""
        await self._publisher.close()

    def _priced(self, place: Place, raw: Raw, output: dict[Place, list[Message]]) -> list[Message]:
        """The message that one message becomes; none if it holds no event, several if it grew too long."""
        decoded = decode_messages(ResponseEvent, [raw])
        calls: list[Call] = []
        for placed in decoded.placed:
            try:
                calls.append(priced(self._pricer, placed.record))
            except DeadLetterError as error:
                decoded.bad.append(BadLine(raw.offset, encode(placed.record), str(error)))
        for line in decoded.bad:
            log.error("%s/%d at %d is dead-lettered: %s", *place, line.offset, line.reason)
        for letters_at, letters in dead_letters(place, decoded.bad, time.time_ns() // 1000).items():
            output.setdefault(letters_at, []).extend(letters)
        self.dead_letters += len(decoded.bad)
        self.priced += len(calls)
        return messages_of(calls)


def messages_of(calls: Sequence[Call]) -> list[Message]:
    """Calls as one message, if that is not too long; else as one each, and a too long one without bodies."""
    if not calls:
        return []
    value = encode_lines(calls)
    if len(value) <= MAX_VALUE_BYTES:
        return [Message(None, value)]
    return [Message(None, _fitting(call)) for call in calls]


def _fitting(call: Call) -> bytes:
    value = encode(call)
    if len(value) <= MAX_VALUE_BYTES:
        return value
    emptied = {"prompt": "", "response": "", "prompt_truncated": True, "response_truncated": True}
    return encode(call.model_copy(update=emptied))
