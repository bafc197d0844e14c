"""Running totals per project, user, key, model, provider, property, session and workflow. Pure."""

from tallygate.stream_processors.usage.deltas import PERIODS, Deltas, KeptPeriods, PeriodKey, ZoneOf
from tallygate.stream_processors.usage.keys import UsageKey, decode_key, encode_key, keys_of
from tallygate.stream_processors.usage.sums import COUNTERS, Sums, sums_of
from tallygate.stream_processors.usage.tally import Fact, Tally, fact_of, plus
from tallygate.stream_processors.usage.totals import prune

__all__ = [
    "COUNTERS",
    "PERIODS",
    "Deltas",
    "Fact",
    "KeptPeriods",
    "PeriodKey",
    "Sums",
    "Tally",
    "UsageKey",
    "ZoneOf",
    "decode_key",
    "encode_key",
    "fact_of",
    "keys_of",
    "plus",
    "prune",
    "sums_of",
]
