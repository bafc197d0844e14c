import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.edge.errors import GatewayError
from tallygate.edge.header_values import decimal, flag, integer, text
from tests.support.gateway_headers import gateway_headers


@pytest.mark.parametrize(
    ("raw", "value"), [("true", True), ("TRUE", True), ("1", True), (" false ", False), ("0", False)]
)
def test_flags(raw: str, value: bool) -> None:
    assert flag(gateway_headers(x=raw), "x", default=not value) is value


@given(st.text())
def test_whatever_is_not_a_flag_is_refused_by_name(raw: str) -> None:
    if raw.strip().lower() in {"true", "false", "0", "1"}:
        return
    with pytest.raises(GatewayError) as caught:
        flag(gateway_headers(x=raw), "x", default=True)
    assert (caught.value.status, caught.value.code, caught.value.param) == (
        400,
        "invalid_header",
        "Tallygate-x",
    )


def test_what_was_not_sent_has_its_default() -> None:
    assert flag({}, "x", default=True) is True
    assert integer({}, "x", default=7, low=0, high=9) == 7
    assert decimal({}, "x", default=1.5, low=0, high=9) == 1.5
    assert text({}, "x") is None
    assert text(gateway_headers(x=" a b "), "x") == "a b"


@pytest.mark.parametrize(
    "raw", ["", "-1", "+1", "1.0", "1e3", "0x1", "ten", "1_0", "11", "٣", "9" * 40, "1 1"]
)
def test_bad_integers(raw: str) -> None:
    with pytest.raises(GatewayError, match="whole number from 0 to 10"):
        integer(gateway_headers(x=raw), "x", default=0, low=0, high=10)


@pytest.mark.parametrize("raw", ["", "-1", "nan", "inf", "1e1", ".5", "5.", "10.1", "1,5"])
def test_bad_decimals(raw: str) -> None:
    with pytest.raises(GatewayError, match="number from 0 to 10"):
        decimal(gateway_headers(x=raw), "x", default=0, low=0, high=10)


@given(st.integers(0, 10**6))
def test_numbers_are_read(number: int) -> None:
    assert integer(gateway_headers(x=str(number)), "x", default=-1, low=0, high=10**6) == number
    assert decimal(gateway_headers(x=f"{number}.25"), "x", default=-1, low=0, high=10**7) == number + 0.25
