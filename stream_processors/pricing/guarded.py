"""Pricing that no single record can stop. Pure."""

from tallygate.schemas.events import ResponseEvent
from tallygate.schemas.records import Call
from tallygate.stream_processors.errors import DeadLetterError
from tallygate.stream_processors.pricing.pricer import Pricer

_POISON = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a bug in pricing would raise for one record. It must not stop all the others."""


def priced(pricer: Pricer, event: ResponseEvent) -> Call:
    """The priced call of an event.

    Raises:
        DeadLetterError: pricing fails on it.
    """
    try:
        return pricer.price(event)
    except _POISON as error:
        raise DeadLetterError(f"pricing: {type(error).__name__}: {error}") from error
