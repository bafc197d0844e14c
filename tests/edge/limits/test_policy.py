import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.errors import GatewayError
from tallygate.edge.labels import GatewayHeader
from tallygate.edge.limits.policy import MAX_QUOTA, InvalidPolicyError, Policy, ScopeKind, from_header, parse

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=64).filter(
    lambda n: n not in ("user", "key")
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    scopes: list[ScopeKind] = ["project", "user", "key", "property"]
    scope = draw(st.sampled_from(scopes))
    return Policy(
        quota=draw(st.integers(1, MAX_QUOTA)),
        window_s=draw(st.integers(1, 366 * 86_400)),
        unit=draw(st.sampled_from(["request", "tokens", "cents"])),
        scope=scope,
        property_name=draw(NAMES) if scope == "property" else "",
    )


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("100;w=60", Policy(100, 60)),
        (" 100 ; w = 60 ; u = request ", Policy(100, 60)),
        ("1000;w=3600;u=cents;s=user", Policy(1000, 3600, "cents", "user")),
        ("5;s=key;w=1;u=tokens", Policy(5, 1, "tokens", "key")),
        ("5;w=1;s=Organization", Policy(5, 1, "request", "property", "organization")),
    ],
)
def test_the_grammar(text: str, policy: Policy) -> None:
    assert parse(text) == (policy,)


def test_cents_are_counted_in_nano_dollars() -> None:
    assert Policy(250, 60, "cents").quota_counts == 2_500_000_000
    assert Policy(250, 60, "tokens").quota_counts == 250


@given(
    st.lists(
        policies(), min_size=1, max_size=8, unique_by=lambda p: (p.window_s, p.unit, p.scope, p.property_name)
    )
)
def test_what_is_written_is_read(wanted: list[Policy]) -> None:
    assert parse(",".join(map(str, wanted))) == tuple(wanted)


@pytest.mark.parametrize(
    "text",
    [
        "", ",", "100", "100;", "w=60", ";w=60",
         "100;w", "100;w=", "100;w=0", "0;w=60", "-1;w=60", "1.5;w=60",
        "1e3;w=60", "100;w=60s", "100;w=-60", "100;w=60;w=60", "100;w=60;x=1", "100;w=60;u=dollars",
        "100;w=60;u=",
        "100;w=60;s=", "100;w=60,", "100;w=60,,5;w=1", "100,w=60", "100;w=60;u=request;u=cents", "٣;w=60",
        "100;w=31622401", f"{MAX_QUOTA + 1};w=60", "9" * 30 + ";w=60", "100;w=60;s=" + "n" * 65, "unlimited",
        "100;w=60,200;w=60", ",".join(f"{n};w={n}" for n in range(1, 10)), "100;W=60", "100:w=60",
    ],
)  # fmt: skip
def test_malformed_is_never_no_limit(text: str) -> None:
    with pytest.raises(InvalidPolicyError):
        parse(text)
    with pytest.raises(GatewayError) as caught:
        from_header(GatewayHeader("Helicone-RateLimit-Policy", text))
    assert (caught.value.status, caught.value.param) == (400, "Helicone-RateLimit-Policy")


def test_no_header_is_no_policy() -> None:
    assert from_header(None) == ()


@given(st.text("0123456789;w=us,requstoknc -.", max_size=40))
def test_any_text_is_a_limit_or_an_error(text: str) -> None:
    try:
        found = parse(text)
    except InvalidPolicyError:
        return
    assert found
    assert all(policy.quota >= 1 and policy.window_s >= 1 for policy in found)
