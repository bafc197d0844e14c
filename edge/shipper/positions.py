"""How far each outbox has been shipped, in one small file."""

import os
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from tallygate.edge.outbox.reader import Position


class Shipped(BaseModel):
    """The place behind the last record that Kafka has confirmed."""

    model_config = ConfigDict(frozen=True)

    edge_id: str
    segment: int
    offset: int

    @property
    def position(self) -> Position:
        """As an outbox reader takes it."""
        return Position(self.segment, self.offset)


class PositionsError(RuntimeError):
    """The file can't be read; the message says what to do."""


class PositionFile:
    """Positions by the outbox's directory name. A lost file means shipping again what the outboxes still
    hold, which is counted once nevertheless."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, Shipped]:
        """Read all positions.

        Raises:
            PositionsError: it is damaged.
        """
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        try:
            return {name: Shipped.model_validate(value) for name, value in orjson.loads(content).items()}
        except (ValueError, AttributeError, ValidationError) as error:
            raise PositionsError(
                f"{self._path} is damaged; remove it, and what the outboxes hold is shipped again"
            ) from error

    def save(self, positions: dict[str, Shipped]) -> None:
        """Replace the file, such that a crash or a power cut leaves the old or the new one."""
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(orjson.dumps({name: shipped.model_dump() for name, shipped in positions.items()}))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
