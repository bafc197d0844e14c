"""Hypothesis' strategies for filters and for calls that they may mean."""

from typing import Any

from hypothesis import strategies as st

from tallygate.schemas.call import Attempt, Outcome
from tallygate.schemas.filter_fields import FIELDS, Kind
from tests.support.factories import NOV_2026_US, call

# Few values, so that filters and calls meet; among them what SQL, regexes and parameters trip over.
TEXTS = st.sampled_from(
    [
        "",
        "a",
        "A",
        "ab",
        "b\na",
        "ä",
        "Ä%_",
        "'",
        "\\",
        "\\n",
        "\t",
        "{x:String}",
        "%s",
        "$1",
        "\U0001f600",
        ".",
    ]
)
PATTERNS = st.sampled_from(
    [
        "a",
        "(?i)A",
        "^a$",
        "a|b",
        ".",
        "b.a",
        "^$",
        "[^a]",
        r"\\",
        r"\d",
        r"\pL",
        "(?i)Ä",
        "a{2,}",
        r"\.",
        "(?m)^a",
    ]
)
NAMES = st.sampled_from(["env", "Env", "ENV", "tier", "Größe", "größe", "it's"])
INTEGERS = st.sampled_from([0, 1, 2, 200, 429, 10**6, 2**53])
NANOS = st.sampled_from([0, 1, 4_800, 10**9, -5])
TIMES = st.integers(NOV_2026_US - 2, NOV_2026_US + 2)
LATENCIES_US = st.sampled_from([0, 1, 999, 1_000, 812_345, 2**40 + 1])

COMPARISONS = ["eq", "ne", "in", "not_in"]
ORDER = ["lt", "lte", "gt", "gte"]


def _usd(nanos: int) -> str:
    return f"{nanos / 10**9:.9f}"


_VALUES: dict[Kind, Any] = {
    Kind.INTEGER: INTEGERS | NANOS,
    Kind.USD: NANOS.map(_usd),
    Kind.MILLISECONDS: LATENCIES_US.map(lambda us: us / 1000),
}


@st.composite
def conditions(draw: Any) -> Any:
    """One condition of any field with any comparison that it takes."""
    name = draw(st.sampled_from([*FIELDS, *["property"] * 10]))
    if name == "property":
        return {"field": f"property.{draw(NAMES)}"} | draw(_text_condition())
    field = FIELDS[name]
    if field.nullable and draw(st.booleans()):
        return {"field": name, "op": "exists", "value": draw(st.booleans())}
    if field.kind is Kind.TEXT:
        return {"field": name} | draw(_text_condition())
    if field.kind is Kind.FLAG:
        return {"field": name, "op": draw(st.sampled_from(["eq", "ne"])), "value": draw(st.booleans())}
    if field.kind is Kind.TIME:
        return {"field": name, "op": draw(st.sampled_from(ORDER)), "value": draw(TIMES)}
    return {"field": name} | draw(_compared(_VALUES[field.kind], [*COMPARISONS, *ORDER]))


@st.composite
def _compared(draw: Any, values: Any, ops: list[str]) -> dict[str, Any]:
    op = draw(st.sampled_from(ops))
    several = op in ("in", "not_in")
    return {"op": op, "value": draw(st.lists(values, min_size=1, max_size=3) if several else values)}


@st.composite
def _text_condition(draw: Any) -> Any:
    op = draw(st.sampled_from([*COMPARISONS, "contains", "starts_with", "regex", "exists"]))
    if op == "regex":
        return {"op": op, "value": draw(PATTERNS)}
    if op == "exists":
        return {"op": op, "value": draw(st.booleans())}
    if op in ("contains", "starts_with"):
        return {"op": op, "value": draw(TEXTS.filter(bool))}
    return draw(_compared(TEXTS, COMPARISONS))


def _above(inner: Any) -> Any:
    several = st.lists(inner, min_size=1, max_size=3)
    return (
        st.builds(lambda nodes: {"and": nodes}, several)
        | st.builds(lambda nodes: {"or": nodes}, several)
        | st.builds(lambda node: {"not": node}, inner)
    )


FILTERS = st.recursive(conditions(), _above, max_leaves=6)
"""Filters as their JSON."""


@st.composite
def calls(draw: Any) -> Any:
    """A call whose every field is drawn."""
    texts = ["user_id", "key_id", "session_id", "session_name", "session_path", "prompt_id", "prompt_version"]
    texts += ["method", "path", "endpoint", "model_requested", "model", "provider", "provider_request_id"]
    texts += ["request_id", "error_code", "error_message", "price_ref", "service_tier", "prompt", "response"]
    counts = [name for name, field in FIELDS.items() if field.kind is Kind.INTEGER and not field.nullable]
    fields = {name: draw(TEXTS) for name in texts}
    fields |= {name: draw(INTEGERS) for name in counts if name not in ("attempts", "status")}
    priced = draw(st.booleans())
    fields |= {
        "properties": draw(st.dictionaries(NAMES, TEXTS, max_size=3)),
        "status": draw(st.sampled_from([0, 1, 2, 200, 429])),
        "outcome": draw(st.sampled_from(list(Outcome))),
        "token_source": draw(st.sampled_from(["provider", "estimated", "none"])),
        "cache": draw(st.sampled_from(["", "hit", "miss"])),
        "stream": draw(st.booleans()),
        "priced": priced,
        "cost_nanos": draw(NANOS) if priced else None,
        "input_cost_nanos": draw(st.none() | NANOS),
        "output_cost_nanos": draw(st.none() | NANOS),
        "cache_saved_nanos": draw(st.none() | NANOS),
        "received_at_us": draw(TIMES),
        "ended_at_us": draw(TIMES),
        "latency_us": draw(LATENCIES_US),
        "ttft_us": draw(st.none() | LATENCIES_US),
        "attempts": tuple(
            Attempt(provider="p", started_at_us=0) for _ in range(draw(st.sampled_from([0, 1, 2])))
        ),
    }
    return call(**fields)
