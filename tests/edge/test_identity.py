"""Who calls, by the keys that a request carries."""

import pytest

from tallygate.control.snapshot import Snapshot
from tallygate.edge.errors import GatewayError
from tallygate.edge.headers import sort_inbound
from tallygate.edge.identity import identify, presented, without_gateway_key

KEY = "tg-0123456789abcdef"


@pytest.mark.parametrize(
    ("headers", "query", "found"),
    [
        ([], "", ""),
        ([(b"authorization", b"Bearer tg-0123456789abcdef")], "", KEY),
        ([(b"authorization", b"bearer  tg-0123456789abcdef")], "", KEY),
        ([(b"x-api-key", KEY.encode())], "", KEY),
        ([(b"Helicone-Auth", b"Bearer " + KEY.encode()), (b"authorization", b"Bearer sk-own")], "", KEY),
        ([(b"Helicone-Auth", b"Bearer no"), (b"Tallygate-Auth", b"Bearer " + KEY.encode())], "", KEY),
        ([(b"Tallygate-Auth", b"Bearer other"), (b"authorization", b"Bearer " + KEY.encode())], "", "other"),
        ([], f"a=b&key={KEY}", KEY),
        ([], "key=AIza", ""),
    ],
)
def test_where_a_gateway_key_may_stand(headers: list[tuple[bytes, bytes]], query: str, found: str) -> None:
    inbound = sort_inbound(headers)
    assert presented(inbound, query) == found
    assert KEY not in repr(inbound)
    assert all(KEY.encode() not in value for _, value in [*inbound.credentials, *inbound.forward])


@pytest.mark.parametrize(
    ("query", "rest"),
    [("", ""), (f"key={KEY}", ""), (f"alt=sse&key={KEY}&x=1", "alt=sse&x=1"), ("key=AIza", "key=AIza")],
)
def test_a_gateway_key_is_taken_out_of_the_query(query: str, rest: str) -> None:
    assert without_gateway_key(query) == rest


@pytest.mark.parametrize(
    ("key", "open_mode", "refused"),
    [
        ("", True, False),
        ("sk-helicone", True, False),
        (KEY, True, True),
        ("", False, True),
        ("sk-some-other", False, True),
    ],
)
def test_who_is_let_in_without_a_known_key(key: str, open_mode: bool, refused: bool) -> None:
    if not refused:
        identity = identify(key, Snapshot(), 0, open_mode=open_mode)
        assert (identity.project, identity.key) == ("default", None)
        return
    with pytest.raises(GatewayError) as caught:
        identify(key, Snapshot(), 0, open_mode=open_mode)
    assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")
    assert not key or key not in caught.value.message
