"""The SQL that makes rows of `call_log` from templates. Pure.

Everything random of a row is a hash of its number, the seed and what it is for: the same seed makes the same
rows. ClickHouse makes them itself, from a temporary table with the columns of `call_log`; so a column that a
later release adds is filled by its templates.
"""

# ruff: noqa: S608 - the texts are put together from constants; values are parameters

from collections.abc import Sequence
from typing import Any

from tallygate.infra.demo.history.catalogue import (
    ANSWER,
    CASE,
    FIRST_NAMES,
    KEYS,
    LAST_NAMES,
    PLANS,
    SENTENCES,
    TEAMS,
    WORKFLOWS,
)
from tallygate.infra.demo.history.timeline import BLOCK, Batch

TEMPLATE_TABLE = "demo_template"
CREATE_TEMPLATES = (
    f"CREATE TEMPORARY TABLE IF NOT EXISTS {TEMPLATE_TABLE} ENGINE = Memory AS SELECT * FROM call_log LIMIT 0"
)
EMPTY_TEMPLATES = f"TRUNCATE TABLE {TEMPLATE_TABLE}"
SESSION_SHARE = 0.16
"""Of the blocks; of such a block, the first calls are a session."""
NAMELESS_SHARE = 0.03
STAGING_SHARE = 0.08


def users_of(calls: int) -> int:
    """How many people make so many calls."""
    return max(12, int(calls**0.62))


def insert_rows(columns: Sequence[str]) -> str:
    """The statement; its parameters are those of `parameters`."""
    replaced = {**_WHO, **_WHEN, **_LABELS, **_TEXTS, **_ORIGIN}
    chosen = ", ".join(f"{replaced.get(name, f't.`{name}`')} AS `{name}`" for name in columns)
    names = ", ".join(f"`{name}`" for name in columns)
    # Aliases that are columns of the template, too, mean the template's.
    return (
        f"INSERT INTO call_log ({names}) "
        f"WITH {', '.join(f'{sql} AS {name}' for name, sql in _DRAWN.items())} "
        f"SELECT {chosen} FROM ({_NUMBERED}) AS r INNER JOIN {TEMPLATE_TABLE} AS t ON t.origin_seq = r.slot "
        "SETTINGS prefer_column_name_to_alias = 1, max_threads = 2, join_use_nulls = 0"
    )


def parameters(batch: Batch, seed: int, users: int, edge: str, single: int, per_step: int) -> dict[str, Any]:
    """Values for one batch."""
    hours = batch.hours
    return {
        "first": batch.first,
        "calls": batch.calls,
        "firsts": [hour.first for hour in hours],
        "counts": [hour.calls for hour in hours],
        "starts": [int(hour.start.timestamp() * 1_000_000) for hour in hours],
        "spans": [int(hour.span.total_seconds() * 1_000_000) for hour in hours],
        "seed": seed,
        "users": users,
        "edge": edge,
        "single": single,
        "per_step": per_step,
    }


def _texts(values: Sequence[str]) -> str:
    return "[" + ", ".join("'" + value.replace("'", "\\'") + "'" for value in values) + "]"


def _hash(purpose: str, of: str = "n") -> str:
    return f"cityHash64({of}, {{seed:UInt64}}, '{purpose}')"


def _fraction(hashed: str) -> str:
    """From 0 to 1, 1 excluded."""
    return f"(bitShiftRight({hashed}, 11) / 9007199254740992)"


def _pick(texts: Sequence[str], number: str) -> str:
    return f"{_texts(texts)}[1 + ({number}) % {len(texts)}]"


def _sentences(purpose: str, least: int, more: int) -> str:
    """Some sentences, of 12 bits of the hash each."""
    words = _texts(SENTENCES)
    count = f"{least} + {_hash(purpose + ' length')} % {more}"
    return (
        f"arrayStringConcat(arrayMap(k -> {words}[1 + cityHash64(n, k, '{purpose}') % {len(SENTENCES)}], "
        f"range({count})), ' ')"
    )


_STEPS = [len(paths) for _, _, paths in WORKFLOWS]
_FIRST_STEPS = [sum(_STEPS[:index]) for index in range(len(_STEPS))]

# A session is the beginning of a block: all its rows ask the hash of the block's number.
_NUMBERED = f"""
SELECT
    number AS n,
    intDiv(number, {BLOCK}) AS block,
    number % {BLOCK} AS position,
    1 + {_hash("workflow", "block")} % {len(_STEPS)} AS workflow,
    {_fraction(_hash("session", "block"))} < {SESSION_SHARE} AND position < {_STEPS}[workflow] AS in_session,
    if(in_session,
       {{single:UInt32}} + ({_FIRST_STEPS}[workflow] + position) * {{per_step:UInt32}}
           + {_hash("step")} % {{per_step:UInt32}},
       {_hash("template")} % {{single:UInt32}}) AS slot
FROM numbers({{first:UInt64}}, {{calls:UInt64}})
"""
_DRAWN = {
    "actor": f"if(in_session, {_hash('actor', 'block')}, {_hash('actor')})",
    # Rank k with a probability of about 1/k.
    "rank": f"toUInt64(exp({_fraction('actor')} * log({{users:UInt32}} + 1)))",
    "person": "cityHash64(rank, 'person')",
    "named": f"{_fraction('cityHash64(actor, 1)')} >= {NAMELESS_SHARE}",
    "hour": "arrayLastIndex(x -> x <= n, {firsts:Array(UInt64)})",
    "begun": (
        "(if(in_session, block * "
        + str(BLOCK)
        + f", n) - {{firsts:Array(UInt64)}}[hour] + {_fraction('actor')})"
        " / {counts:Array(UInt64)}[hour]"
    ),
    "received_us": (
        "{starts:Array(UInt64)}[hour] + toUInt64(least(begun, 1) * {spans:Array(UInt64)}[hour])"
        f" + if(in_session, position * (6000000 + {_hash('pause', 'block')} % 6000000), 0)"
    ),
    "speed": f"exp(0.5 * ({' + '.join(_fraction(_hash(f'speed {k}')) for k in range(3))} - 1.5))",
    "took_us": "toUInt64(t.latency_us * speed)",
    "said": f"replaceOne(t.prompt, '{CASE}', {_sentences('prompt', 2, 9)})",
    "answered": f"replaceOne(t.response, '{ANSWER}', {_sentences('answer', 1, 6)})",
    "staged": f"{_fraction('cityHash64(actor, 2)')} < {STAGING_SHARE}",
}
_WHO = {
    "request_id": (
        "concat(substring(time_hex, 1, 8), '-', substring(time_hex, 9), '-7', substring(hash_hex, 1, 3), "
        "'-a', substring(hash_hex, 4, 3), '-', substring(hash_hex, 7, 10), "
        "leftPad(lower(hex(n % 256)), 2, '0'))"
    ),
    "user_id": (
        f"if(named, concat({_pick(FIRST_NAMES, 'person')}, '.', {_pick(LAST_NAMES, 'intDiv(person, 64)')}, "
        "if(rank > 40, toString(rank), '')), '')"
    ),
    "key_id": f"{_pick(KEYS, 'intDiv(person, 4096)')}",
    "session_id": (f"if(in_session, concat('run-', lower(hex({_hash('session id', 'block')}))), '')"),
}
_DRAWN |= {
    "time_hex": "leftPad(lower(hex(intDiv(received_us, 1000))), 12, '0')",
    "hash_hex": f"leftPad(lower(hex({_hash('id')})), 16, '0')",
}
_WHEN = {
    "received_at": "fromUnixTimestamp64Micro(toInt64(received_us), 'UTC')",
    "ended_at": "fromUnixTimestamp64Micro(toInt64(received_us + took_us), 'UTC')",
    "latency_us": "took_us",
    "ttft_us": "toUInt64(t.ttft_us * speed)",
    "attempt.started_at": (
        "arrayMap(at -> fromUnixTimestamp64Micro("
        "toInt64(received_us) + toInt64(toUnixTimestamp64Micro(at) * speed), 'UTC'), t.`attempt.started_at`)"
    ),
    "attempt.latency_us": "arrayMap(us -> toUInt64(us * speed), t.`attempt.latency_us`)",
    "attempt.delay_us": "arrayMap(us -> toUInt64(us * speed), t.`attempt.delay_us`)",
}
_LABELS = {
    "properties": (
        "mapFromArrays(arrayConcat(mapKeys(t.properties), ['team', 'plan', 'environment']), "
        f"arrayConcat(mapValues(t.properties), [{_pick(TEAMS, 'intDiv(person, 512)')}, "
        f"{_pick(PLANS, 'intDiv(person, 16384)')}, if(staged, 'staging', 'production')]))"
    ),
    "property_names": "arrayConcat(t.property_names, ['Team', 'Plan', 'Environment'])",
}
_TEXTS = {
    "prompt": "said",
    "response": "answered",
    "prompt_bytes": "length(said)",
    "response_bytes": "length(answered)",
}
_ORIGIN = {
    "source_partition": "0",
    "source_offset": "n",
    "origin_edge": "{edge:String}",
    "origin_seq": "n",
}
