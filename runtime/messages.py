"""Messages of the log, where they go, and how they are cut into batches. Pure."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

MAX_VALUE_BYTES = 8 * 1024 * 1024
"""A message's value is never longer: writers make longer ones shorter or dead-letter them."""
BATCH_BYTES = 1024 * 1024
"""One partition's share of a round trip; a single longer message makes a batch of its own."""
ROUND_BYTES = 32 * 1024 * 1024
"""All partitions' share: it may become one request, of which a broker takes 100 MiB."""

_SEED, _M = 0x9747B28C, 0x5BD1E995
_MASK = 0xFFFFFFFF


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Message(NamedTuple):
    """A key and a value; without a value it takes the key out of a compacted topic."""

    key: bytes | None
    value: bytes | None

    @property
    def size(self) -> int:
        """Bytes of the value."""
        return 0 if self.value is None else len(self.value)


Messages = Mapping[Place, Sequence[Message]]


def murmur2(data: bytes) -> int:
    """MurmurHash2 as in `org.apache.kafka.common.utils.Utils.murmur2`, as an unsigned number."""
    whole = len(data) & ~3
    h = _SEED ^ len(data)
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    if tail := data[whole:]:
        h = (h ^ int.from_bytes(tail, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


@lru_cache(maxsize=65536)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key, as the default partitioner of Kafka's Java client chooses it."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def rounds(messages: Messages) -> Iterator[dict[Place, list[Message]]]:
    """Cut messages into rounds: at most one batch of a partition each, in order."""
    queues = {place: deque(queued) for place, queued in messages.items() if queued}
    while queues:
        round_: dict[Place, list[Message]] = {}
        room = ROUND_BYTES
        for place, queue in list(queues.items()):
            if round_ and queue[0].size > room:
                continue
            round_[place] = _take(queue, BATCH_BYTES)
            room -= sum(message.size for message in round_[place])
            if not queue:
                del queues[place]
        yield round_


def _take(queue: deque[Message], max_bytes: int) -> list[Message]:
    """The first messages, up to a size; one at least."""
    batch = [queue.popleft()]
    size = batch[0].size
    while queue and size + queue[0].size <= max_bytes:
        size += queue[0].size
        batch.append(queue.popleft())
    return batch
