"""What rules count: sums by rule, group and time bucket. Pure."""

from tallygate.stream_processors.rules.changes import Changes
from tallygate.stream_processors.rules.counter import RuleCounter
from tallygate.stream_processors.rules.keys import RuleKey, decode_key, encode_key, key_of

__all__ = ["Changes", "RuleCounter", "RuleKey", "decode_key", "encode_key", "key_of"]
