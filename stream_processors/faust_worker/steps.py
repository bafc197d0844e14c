"""What a worker does with a batch of one or several partitions; Faust is not in it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from tallygate.runtime.messages import Place
from tallygate.stream_processors.errors import ProcessorError
from tallygate.stream_processors.messages import Raw


class PartitionLostError(ProcessorError):
    """Another worker has taken a partition over: nothing of the batch may be acknowledged."""


class Batch(NamedTuple):
    """Messages by partition, in order, as read in one generation of the consumer group."""

    generation: int
    messages: Mapping[Place, Sequence[Raw]]


class Step(Protocol):
    """An agent's work."""

    async def process(self, batch: Batch) -> None:
        """Return when the effects are confirmed by Kafka; waits for as long as it is away.

        Raises:
            PartitionLostError: see there.
        """
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...
