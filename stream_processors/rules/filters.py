"""A rule's filter as a function."""

from collections.abc import Callable
from typing import TypeAlias

from tallygate.schemas.filter_match import matcher
from tallygate.schemas.filters import AnyNode
from tallygate.schemas.records import Call

Matcher: TypeAlias = Callable[[Call], bool]


def matcher_of(filter_: AnyNode | None) -> Matcher | None:
    """Whether a call is one of a rule's; None if all are."""
    return None if filter_ is None else matcher(filter_)
