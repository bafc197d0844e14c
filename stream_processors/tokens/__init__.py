"""Estimates of tokens, for calls whose provider counted none. The provider's own count always wins."""

from tallygate.stream_processors.tokens.counter import TokenCounter
from tallygate.stream_processors.tokens.estimate import Estimate, estimate

__all__ = ["Estimate", "TokenCounter", "estimate"]
