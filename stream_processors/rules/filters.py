"""A rule's filter as a function."""

from collections.abc import Callable
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from tallygate.schemas.filter_match import matcher
from tallygate.schemas.filters import AnyNode, Filter
from tallygate.schemas.records import Call

Node: TypeAlias = AnyNode
_ADAPTER: TypeAdapter[Node] = TypeAdapter(Filter)


def node_of(filter_: Any) -> Node:
    """A rule's filter as a tree."""
    return _ADAPTER.validate_python(filter_)


def matcher_of(filter_: Any) -> Callable[[Call], bool] | None:
    """Whether a call is one of a rule's; None if all are."""
    return None if filter_ is None else matcher(node_of(filter_))
