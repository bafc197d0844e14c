"""Whether messages come without a gap. Pure.

Offsets are committed on the strength of what was processed, so a message that the framework left out would
be lost for good. Its topics have no offsets without a message, so a gap is always an error.
"""

from dataclasses import dataclass

from tallygate.runtime.messages import Place
from tallygate.stream_processors.errors import FatalError


class MessageGapError(FatalError):
    """Messages were left out. A restart goes on at the committed offset and reads them."""


@dataclass(frozen=True, slots=True)
class _Expected:
    generation: int
    offset: int


class Continuity:
    """The next offset of each partition, within one generation of the consumer group."""

    def __init__(self) -> None:
        self._expected: dict[Place, _Expected] = {}

    def knows(self, place: Place, generation: int) -> bool:
        """Whether the partition was begun in this generation."""
        expected = self._expected.get(place)
        return expected is not None and expected.generation == generation

    def begin(self, place: Place, generation: int, offset: int) -> None:
        """In this generation the partition starts at an offset (or below it: repeats are no harm)."""
        self._expected[place] = _Expected(generation, offset)

    def advance(self, place: Place, offset: int) -> None:
        """A message has come.

        Raises:
            MessageGapError: one before it has not.
        """
        expected = self._expected[place]
        if offset > expected.offset:
            raise MessageGapError(
                f"{place.topic}/{place.partition}: message {offset} came, {expected.offset} was next"
            )
        self._expected[place] = _Expected(expected.generation, offset + 1)
