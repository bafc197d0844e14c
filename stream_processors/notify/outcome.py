"""What came of one try."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try ended."""

    result: Literal["delivered", "failed", "gone", "refused"]
    """`failed` may be tried again; `gone`: the receiver wants nothing more on this channel; `refused`: it can
    never be sent."""
    status: int | None = None
    """HTTP status, or SMTP code, if there was an answer."""
    error: str = ""
    """Why it was not delivered; shown to the project."""
    retry_after_s: float = 0.0
    """What the receiver asked for."""


def failed(error: str, *, status: int | None = None, retry_after_s: float = 0.0) -> Outcome:
    """A failure that may pass."""
    return Outcome("failed", status=status, error=error, retry_after_s=retry_after_s)
