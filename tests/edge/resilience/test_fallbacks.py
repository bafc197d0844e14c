from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.errors import GatewayError
from tallygate.edge.resilience.codes import DEFAULT_FALLBACK_CODES, CodeSet
from tallygate.edge.resilience.fallbacks import build_plan
from tallygate.edge.resilience.plan import Plan, apply_override, split_models
from tests.support.gateway_headers import gateway_headers

ONLY_429 = CodeSet.parse("429")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=12,
)
ENTRY_LIKE = st.dictionaries(
    st.sampled_from(["model", "target-url", "headers", "onCodes", "bodyKeyOverride", "other"]),
    JSON,
    max_size=4,
)


def fallbacks(*entries: Any, model: str | None = "gpt-4o", **more: str) -> Plan:
    return build_plan(model, gateway_headers(fallbacks=orjson.dumps(entries).decode(), **more))


def models(plan: Plan) -> list[str | None]:
    return [target.model for target in plan.targets]


def test_a_plain_call_has_one_target() -> None:
    plan = build_plan("gpt-4o", {})
    assert models(plan) == ["gpt-4o"]
    assert plan.retry.retries == 0


def test_a_call_without_a_model() -> None:
    assert models(build_plan(None, {})) == [None]
    assert models(build_plan(None, gateway_headers(fallback_model="a"))) == [None, "a"]


def test_models_of_the_body_come_before_those_of_the_header() -> None:
    plan = build_plan(
        "gpt-4o , anthropic/claude", gateway_headers(fallback_model="gpt-4o-mini,gpt-4o", retry_enabled="1")
    )
    assert models(plan) == ["gpt-4o", "anthropic/claude", "gpt-4o-mini"]
    assert {target.on_codes for target in plan.targets} == {DEFAULT_FALLBACK_CODES}
    assert plan.retry.retries == 3


def test_codes_of_the_header() -> None:
    plan = build_plan("a", gateway_headers(fallback_model="b", fallback_oncodes="429,500-503"))
    assert plan.targets[0].on_codes == CodeSet(((429, 429), (500, 503)))


def test_a_list_without_urls_follows_the_call_and_codes_lead_to_their_entry() -> None:
    plan = fallbacks({"model": "b", "onCodes": [429]}, {"model": "c"}, fallback_oncodes="500")
    assert models(plan) == ["gpt-4o", "b", "c"]
    assert [target.on_codes for target in plan.targets[:2]] == [ONLY_429, CodeSet.parse("500")]


def test_a_list_that_starts_with_a_url_is_complete_and_codes_lead_on() -> None:
    plan = fallbacks(
        {
            "target-url": "https://api.openai.com",
            "onCodes": [{"from": 400, "to": 500}],
            "headers": {"Authorization": "Bearer k"},
        },
        {
            "target-url": "https://x.openai.azure.com/v1",
            "onCodes": [401],
            "bodyKeyOverride": {"model": "gpt-4"},
        },
    )
    assert [target.target_url for target in plan.targets] == [
        "https://api.openai.com",
        "https://x.openai.azure.com/v1",
    ]
    assert models(plan) == ["gpt-4o", "gpt-4o"]
    assert plan.targets[0].on_codes == CodeSet(((400, 500),))
    assert plan.targets[0].headers == (("authorization", "Bearer k"),)
    assert plan.targets[1].body_override == {"model": "gpt-4"}


def test_a_target_does_not_show_its_keys() -> None:
    plan = fallbacks(
        {"model": "b", "headers": {"Authorization": "Bearer canary"}, "bodyKeyOverride": {"k": "canary"}}
    )
    assert "canary" not in repr(plan)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (1, "entry 0 is not an object"),
        ({"Model": "a"}, "unknown field 'Model'"),
        ({"model": ""}, "model must be"),
        ({"model": "a,b"}, "model must be"),
        ({"model": 4}, "model must be"),
        ({"target-url": "ftp://a"}, "target-url must be"),
        ({"target-url": "https://"}, "target-url must be"),
        ({"target-url": "https://u:p@a"}, "target-url must be"),
        ({"target-url": "https://a/?k=1"}, "target-url must be"),
        ({"target-url": "https://a:99999"}, "target-url must be"),
        ({"target-url": "https://a\\b"}, "target-url must be"),
        ({"target-url": "https://a b"}, "target-url must be"),
        ({"target-url": ["https://a"]}, "target-url must be"),
        ({"headers": []}, "headers must be"),
        ({"headers": {"a b": "c"}}, "can't be set"),
        ({"headers": {"Host": "c"}}, "can't be set"),
        ({"headers": {"Content-Length": "3"}}, "can't be set"),
        ({"headers": {"a": "x\r\nb: c"}}, "not header text"),
        ({"headers": {"a": 1}}, "not header text"),
        ({"headers": {"a": "é"}}, ""),
        ({"headers": {"a": "ł"}}, "not header text"),
        ({"onCodes": []}, "onCodes: must be"),
        ({"onCodes": [200]}, "onCodes: must be"),
        ({"bodyKeyOverride": []}, "bodyKeyOverride must be"),
        ({"bodyKeyOverride": {str(n): 0 for n in range(65)}}, "bodyKeyOverride must be"),
    ],
)
def test_bad_entries_are_named(entry: Any, problem: str) -> None:
    if not problem:
        assert len(fallbacks(entry).targets) == 2
        return
    with pytest.raises(GatewayError) as caught:
        fallbacks(entry)
    assert caught.value.code == "invalid_header"
    assert problem in caught.value.message


def test_an_override_nested_without_end_is_refused() -> None:
    nested = '[{"bodyKeyOverride":' + '{"a":' * 900 + "{}" + "}" * 900 + "}]"
    with pytest.raises(GatewayError, match="nested deeper"):
        build_plan("a", gateway_headers(fallbacks=nested))


@pytest.mark.parametrize("raw", ["", "{}", "[]", "[", "null", "[" * 3000, "\ud800", str([{}] * 21)])
def test_what_is_no_list(raw: str) -> None:
    with pytest.raises(GatewayError, match="JSON"):
        build_plan("a", gateway_headers(fallbacks=raw))


def test_both_forms_at_once_are_refused() -> None:
    with pytest.raises(GatewayError, match="combined"):
        fallbacks({"model": "b"}, fallback_model="c")


@pytest.mark.parametrize("text", ["", ",", "a,,b", ",".join(map(str, range(21))), "m" * 257])
def test_bad_model_lists(text: str) -> None:
    with pytest.raises(GatewayError) as in_body:
        split_models(text)
    assert (in_body.value.code, in_body.value.param) == ("invalid_request", "model")
    with pytest.raises(GatewayError) as in_header:
        build_plan("a", gateway_headers(fallback_model=text))
    assert in_header.value.param == "Tallygate-fallback-model"


@given(st.lists(ENTRY_LIKE | JSON, max_size=4) | JSON)
def test_whatever_is_sent_gives_a_plan_or_a_named_refusal(value: Any) -> None:
    headers = gateway_headers(fallbacks=orjson.dumps(value).decode())
    refusal = None
    try:
        assert build_plan("a", headers).targets
    except GatewayError as error:
        refusal = error
    assert refusal is None or (refusal.status, refusal.param) == (400, "Tallygate-fallbacks")


@given(
    st.dictionaries(st.text(max_size=4), JSON, max_size=4),
    st.dictionaries(st.text(max_size=4), JSON, max_size=4),
)
def test_an_override_wins_and_the_rest_stays(body: dict[str, Any], override: dict[str, Any]) -> None:
    merged = apply_override(body, override)
    assert merged.keys() == body.keys() | override.keys()
    for name, value in override.items():
        if not isinstance(value, dict):
            assert merged[name] == value
    for name in body.keys() - override.keys():
        assert merged[name] == body[name]
    assert apply_override(merged, override) == merged


def test_an_override_merges_objects() -> None:
    body = {"a": {"x": 1, "y": 2}, "b": [1], "c": 1}
    assert apply_override(body, {"a": {"y": 3}, "b": {"z": 1}}) == {
        "a": {"x": 1, "y": 3},
        "b": {"z": 1},
        "c": 1,
    }
    assert body["a"] == {"x": 1, "y": 2}
