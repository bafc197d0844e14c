"""Under which keys rules count."""

from typing import NamedTuple

import orjson

from tallygate.schemas.codec import BadRecordError
from tallygate.schemas.totals import RuleTotals


class RuleKey(NamedTuple):
    """One time bucket of one group of a rule; without group and bucket, the rule's progress."""

    project: str
    rule_id: str
    counting_revision: int
    group: str = ""
    bucket_start_us: int = 0


def key_of(totals: RuleTotals) -> RuleKey:
    """The key that sums are of."""
    return RuleKey(
        totals.project, totals.rule_id, totals.counting_revision, totals.group, totals.bucket_start_us
    )


def encode_key(key: RuleKey) -> bytes:
    """The key as a message's: a JSON list, so that no text can imitate another."""
    return orjson.dumps(list(key))


def decode_key(data: bytes) -> RuleKey:
    """The reverse of `encode_key`.

    Raises:
        BadRecordError: not such a key.
    """
    try:
        project, rule_id, revision, group, start_us = orjson.loads(data)
    except (orjson.JSONDecodeError, ValueError, TypeError) as error:
        raise BadRecordError(f"rule key: {error}") from error
    if not (all(isinstance(text, str) for text in (project, rule_id, group)) and type(revision) is int):
        raise BadRecordError("rule key: not project, rule, revision, group and bucket")
    if type(start_us) is not int:
        raise BadRecordError("rule key: the bucket is no time")
    return RuleKey(project, rule_id, revision, group, start_us)
