"""Running totals per project, user, key, model, provider and property. Pure."""

from tallygate.stream_processors.usage.deltas import Deltas
from tallygate.stream_processors.usage.keys import UsageKey, decode_key, encode_key, keys_of
from tallygate.stream_processors.usage.sums import COUNTERS, Sums, sums_of
from tallygate.stream_processors.usage.totals import apply, prune

__all__ = [
    "COUNTERS",
    "Deltas",
    "Sums",
    "UsageKey",
    "apply",
    "decode_key",
    "encode_key",
    "keys_of",
    "prune",
    "sums_of",
]
