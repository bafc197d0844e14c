"""The gateway's own headers: what they mean, and what is refused."""

import pytest

from tallygate.edge.errors import GatewayError
from tallygate.edge.headers import sort_inbound
from tallygate.edge.labels import NO_LABELS, Labels, parse

UUID = "0190F3A1-7c3d-7aaa-8bbb-0123456789ab"


def labels(**headers: str) -> Labels:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return parse(sort_inbound(raw).gateway)


def test_none() -> None:
    assert labels(Accept="x") is NO_LABELS


@pytest.mark.parametrize("prefix", ["Tallygate", "helicone", "HELICONE"])
def test_all_of_them(prefix: str) -> None:
    found = labels(
        **{
            f"{prefix}_User_Id": "bob",
            f"{prefix}_Session_Id": "s",
            f"{prefix}_Session_Name": "n",
            f"{prefix}_Session_Path": "/a/b",
            f"{prefix}_Prompt_Id": "p",
            f"{prefix}_Prompt_Version": "3",
            f"{prefix}_Request_Id": UUID,
            f"{prefix}_Property_Feature": "search",
            f"{prefix}_Omit_Request": "true",
            f"{prefix}_Omit_Response": "0",
            f"{prefix}_Model_Override": "gpt-4o",
            f"{prefix}_Timeout": "1500",
            f"{prefix}_Webhook_Enabled": "true",
        }
    )
    assert found == Labels(
        request_id=UUID.lower(),
        user_id="bob",
        session_id="s",
        session_name="n",
        session_path="/a/b",
        prompt_id="p",
        prompt_version="3",
        properties={"Feature": "search"},
        omit_request=True,
        omit_response=False,
        model_override="gpt-4o",
        timeout_ms=1500,
        webhook=True,
    )


@pytest.mark.parametrize("first", ["Tallygate", "Helicone"])
def test_tallygate_wins_in_any_order(first: str) -> None:
    second = "Helicone" if first == "Tallygate" else "Tallygate"
    found = labels(**{f"{first}_User_Id": first, f"{second}_User_Id": second})
    assert found.user_id == "Tallygate"


def test_a_property_keeps_its_name_and_is_one_whatever_its_case() -> None:
    found = labels(Helicone_Property_FeatureX="a", Tallygate_property_featurex="b")
    assert found.properties == {"featurex": "b"}


def test_the_user_may_come_as_a_property() -> None:
    assert labels(Helicone_Property_UserId="carol").user_id == "carol"
    assert labels(Helicone_Property_UserId="carol", Helicone_User_Id="bob").user_id == "bob"


def test_text_in_utf8_and_latin1() -> None:
    raw = [(b"Tallygate-User-Id", "zoë".encode()), (b"Tallygate-Session-Id", "zoë".encode("latin-1"))]
    found = parse(sort_inbound(raw).gateway)
    assert (found.user_id, found.session_id) == ("zoë", "zoë")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Tallygate_Request_Id", "5"),
        ("Tallygate_Request_Id", ""),
        ("Tallygate_Request_Id", f"{{{UUID}}}"),
        ("Helicone_Omit_Request", "yes"),
        ("Helicone_Omit_Response", ""),
        ("Tallygate_Timeout", "1.5"),
        ("Tallygate_Timeout", "-1"),
        ("Tallygate_Timeout", "0"),
        ("Tallygate_Timeout", "99999999999999999999"),
        ("Tallygate_Timeout", "86400001"),
        ("Tallygate_Timeout", "1e3"),
        ("Tallygate_Timeout", "٣"),
        ("Tallygate_User_Id", "x" * 1025),
        ("Tallygate_Property_", "x"),
        ("Tallygate_Property_" + "n" * 65, "x"),
        ("Tallygate_Property_Long", "x" * 1025),
    ],
)
def test_bad_values_name_their_header(name: str, value: str) -> None:
    with pytest.raises(GatewayError) as caught:
        labels(**{name: value})
    assert (caught.value.status, caught.value.code) == (400, "invalid_header")
    assert caught.value.param == name.replace("_", "-")


def test_too_many_properties() -> None:
    assert len(labels(**{f"Tallygate_Property_P{n}": "x" for n in range(64)}).properties) == 64
    with pytest.raises(GatewayError, match="64"):
        labels(**{f"Tallygate_Property_P{n}": "x" for n in range(65)})
