"""Signing in at an identity provider: the whole way by HTTP, and all in which it must come to nothing."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from tallygate.control.access.at_provider import FLOW_S, opened, sealed
from tallygate.control.access.provider import Flow, ProviderError
from tallygate.control.store import users
from tallygate.control.store.database import ControlStore
from tallygate.runtime.config import AuthConfig, OidcConfig
from tests.support.access import PASSWORD, Client, own_page, running_site, sign_in, with_user
from tests.support.control import settings_for
from tests.support.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    IdentityProvider,
    query_of,
    running_provider,
)

START, CALLBACK = "/api/v1/auth/oidc", "/api/v1/auth/oidc/callback"


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    """A running provider."""
    async with running_provider() as running:
        yield running


def site(store: ControlStore, folder: Path, provider: IdentityProvider, **oidc: Any) -> Any:
    """A running site whose users sign in there."""
    given = {"issuer": provider.base, "client_id": CLIENT_ID, "client_secret": SecretStr(CLIENT_SECRET)}
    settings = settings_for(folder, auth=AuthConfig(mode="oidc"), oidc=OidcConfig(**(given | oidc)))
    return running_site(store, settings)


async def location(client: Client, url: str) -> str:
    """Where a GET leads."""
    async with client.session.get(url, allow_redirects=False) as response:
        assert response.status in (302, 303), await response.text()
        return response.headers["Location"]


async def begun(client: Client, following: str = "/") -> str:
    """Begin at the site and go through the provider; the way back, not yet gone."""
    to_provider = await location(client, str(client.make_url(START).with_query(next=following)))
    back = await location(client, to_provider)
    return str(client.make_url(CALLBACK).with_query(query_of(back)))


async def signed_in(client: Client) -> bool:
    async with client.get("/echo") as response:
        return response.status == 200


async def test_the_whole_way(store: ControlStore, tmp_path: Path, provider: IdentityProvider) -> None:
    with_user(store, roles={"default": "member"}, password=None)
    async with site(store, tmp_path, provider) as client:
        async with client.get("/api/v1/auth/methods") as response:
            told = await response.json()
        assert told == {"password": False, "provider": "single sign-on", "ready": False}
        back = await begun(client, "/requests?range=7d")
        (asked,) = provider.seen
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["scope"] == "openid email profile"
        assert len(asked["state"]) >= 32
        assert len(asked["nonce"]) >= 32
        assert asked["redirect_uri"].endswith(CALLBACK)
        assert await location(client, back) == "/requests?range=7d"
        async with client.get("/echo") as response:
            assert (await response.json())["actor"] == "ann@example.com"
        assert {cookie.key for cookie in client.session.cookie_jar} == {"tallygate-session"}
        # The same answer of the provider, once more.
        assert await location(client, back) == "/sign-in?error=expired"
        await sign_in(client, status=403)


async def test_the_second_time_the_subject_counts(
    store: ControlStore, tmp_path: Path, provider: IdentityProvider
) -> None:
    with_user(store, roles={"default": "member"}, password=None)
    async with site(store, tmp_path, provider) as client:
        assert await location(client, await begun(client)) == "/"
        provider.claims["email"] = "ann.married@example.com"
        assert await location(client, await begun(client)) == "/"
        # Her address is somebody else's now.
        provider.claims = {"sub": "bob-1", "email": "ann@example.com", "email_verified": True}
        client.session.cookie_jar.clear()
        assert await location(client, await begun(client)) == "/sign-in?error=another_account"
        assert not await signed_in(client)


BENT: list[tuple[str, dict[str, Any], str]] = [
    ("issuer", {"iss": "https://evil.example"}, "untrusted"),
    ("audience", {"aud": "another client"}, "untrusted"),
    ("audiences", {"aud": [CLIENT_ID, "another"], "azp": "another"}, "untrusted"),
    ("nonce", {"nonce": "another"}, "untrusted"),
    ("no nonce", {"nonce": None}, "untrusted"),
    ("expired", {"exp": int(time.time()) - 600}, "untrusted"),
    ("no expiry", {"exp": None}, "untrusted"),
    ("from the future", {"iat": int(time.time()) + 86_400}, "untrusted"),
    ("no subject", {"sub": None}, "untrusted"),
    ("access token", {"at_hash": "AAAA"}, "untrusted"),
    ("unverified", {"email_verified": False}, "unverified_email"),
    ("nothing said", {"email_verified": None}, "unverified_email"),
    ("no text", {"email": 7}, "no_email"),
    ("unknown", {"email": "mallory@example.com"}, "unknown_user"),
    ("empty", {"email": ""}, "no_email"),
]


@pytest.mark.parametrize(("bent", "code"), [bent[1:] for bent in BENT], ids=[bent[0] for bent in BENT])
async def test_tokens_that_are_not_to_be_trusted(
    store: ControlStore, tmp_path: Path, provider: IdentityProvider, bent: dict[str, Any], code: str
) -> None:
    with_user(store, roles={"default": "member"}, password=None)
    provider.bent = bent
    async with site(store, tmp_path, provider) as client:
        assert await location(client, await begun(client)) == f"/sign-in?error={code}"
        assert not await signed_in(client)


async def test_a_token_of_another_key(
    store: ControlStore, tmp_path: Path, provider: IdentityProvider
) -> None:
    with_user(store, roles={"default": "member"}, password=None)
    provider.signing_key = RSAKey.generate_key(2048, {"kid": "one"})
    async with site(store, tmp_path, provider) as client:
        assert await location(client, await begun(client)) == "/sign-in?error=untrusted"


async def test_new_signing_keys_are_fetched(
    store: ControlStore, tmp_path: Path, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallygate.control.access.provider.KEYS_PAUSE_S", 0.0)
    with_user(store, roles={"default": "member"}, password=None)
    async with site(store, tmp_path, provider) as client:
        assert await location(client, await begun(client)) == "/"
        provider.key = RSAKey.generate_key(2048, {"kid": "two"})
        assert await location(client, await begun(client)) == "/"


async def test_what_comes_back_must_be_this_browsers(
    store: ControlStore, tmp_path: Path, provider: IdentityProvider
) -> None:
    with_user(store, roles={"default": "member"}, password=None)
    async with site(store, tmp_path, provider) as client:
        theirs = await begun(client)
        client.session.cookie_jar.clear()  # another browser, that was led here
        assert await location(client, theirs) == "/sign-in?error=expired"
        await begun(client)
        assert (
            await location(client, theirs) == "/sign-in?error=expired"
        )  # with a sign-in of its own under way
        back = await begun(client)
        foreign = str(client.make_url(CALLBACK).with_query(query_of(back) | {"iss": "https://evil.example"}))
        assert await location(client, foreign) == "/sign-in?error=untrusted"
        assert not await signed_in(client)


@pytest.mark.parametrize(
    ("error", "code"), [("access_denied", "denied"), ("server_error", "refused"), ("", "refused")]
)
async def test_a_provider_that_refuses(
    store: ControlStore, tmp_path: Path, provider: IdentityProvider, error: str, code: str
) -> None:
    async with site(store, tmp_path, provider) as client:
        state = query_of(await begun(client))["state"]
        back = client.make_url(CALLBACK).with_query({"state": state, "error": error})
        assert await location(client, str(back)) == f"/sign-in?error={code}"
        state = query_of(await begun(client))["state"]
        back = client.make_url(CALLBACK).with_query({"state": state, "code": "made up"})
        assert await location(client, str(back)) == "/sign-in?error=refused"


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({"issuer": "https://evil.example"}, "misconfigured"),
        ({"token_endpoint": "http://id.example/token"}, "misconfigured"),
        ({"jwks_uri": None}, "misconfigured"),
    ],
)
async def test_metadata_that_are_not_the_providers(
    store: ControlStore, tmp_path: Path, provider: IdentityProvider, metadata: dict[str, Any], code: str
) -> None:
    provider.metadata = metadata
    async with site(store, tmp_path, provider) as client:
        assert await location(client, str(client.make_url(START))) == f"/sign-in?error={code}"


async def test_a_provider_that_is_down(store: ControlStore, tmp_path: Path) -> None:
    nobody = IdentityProvider(base="http://127.0.0.1:1")
    async with site(store, tmp_path, nobody) as client:
        assert await location(client, str(client.make_url(START))) == "/sign-in?error=unreachable"


async def test_the_address_may_come_from_the_user_info(
    store: ControlStore, tmp_path: Path, provider: IdentityProvider
) -> None:
    with_user(store, roles={"default": "member"}, password=None)
    provider.in_token = False
    async with site(store, tmp_path, provider) as client:
        assert await location(client, await begun(client)) == "/"
        provider.user_info_sub = "somebody else"
        assert await location(client, await begun(client)) == "/sign-in?error=untrusted"


async def test_new_users_of_a_domain_are_made(
    store: ControlStore, tmp_path: Path, provider: IdentityProvider
) -> None:
    provider.claims["name"] = "Ann\x00 of Arc"
    async with site(store, tmp_path, provider, create_domains=("Example.com",)) as client:
        assert await location(client, await begun(client)) == "/"
        with store.read() as session:
            (user,) = users.listed(session, limit=9)
            (member,) = users.members(session, limit=9)
        assert (user.email, user.name, user.admin) == ("ann@example.com", "Ann of Arc", False)
        assert (member.project, member.role) == ("default", "viewer")
        for email in ("eve@example.com.evil", "eve@evil@example.org", "eve@xexample.com"):
            provider.claims = {"sub": email, "email": email, "email_verified": True}
            assert await location(client, await begun(client)) == "/sign-in?error=unknown_user"
        provider.claims = {"sub": "x", "email": "two words@example.com", "email_verified": True}
        assert await location(client, await begun(client)) == "/sign-in?error=no_email"


async def test_a_provider_that_says_nothing_of_verification(
    store: ControlStore, tmp_path: Path, provider: IdentityProvider
) -> None:
    with_user(store, roles={"default": "member"}, password=None)
    provider.bent = {"email_verified": None}
    async with site(store, tmp_path, provider, trust_email=True) as client:
        assert await location(client, await begun(client)) == "/"


@pytest.mark.parametrize(
    "following",
    ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "", "/a\r\nSet-Cookie: x=y", "/ /"],
)
async def test_it_leads_to_no_other_site(
    store: ControlStore, tmp_path: Path, provider: IdentityProvider, following: str
) -> None:
    with_user(store, roles={"default": "member"}, password=None)
    async with site(store, tmp_path, provider) as client:
        assert await location(client, await begun(client, following)) == "/"


def test_a_flow_ends_and_is_bound_to_its_store(store: ControlStore) -> None:
    flow = Flow("state", "nonce", "verifier")
    cookie = sealed(store.vault, flow, "/x", 1000.0)
    assert opened(store.vault, cookie, 1000.0 + FLOW_S) == (flow, "/x")
    for wrong, now in ((cookie, 1001.0 + FLOW_S), (cookie[:-8], 1000.0), ("", 1000.0), ("\u00e9", 1000.0)):
        with pytest.raises(ProviderError) as refused:
            opened(store.vault, wrong, now)
        assert refused.value.code == "expired"


async def test_passwords_may_be_allowed_beside_it(
    store: ControlStore, tmp_path: Path, provider: IdentityProvider
) -> None:
    with_user(store, roles={"default": "member"})
    given = {"issuer": provider.base, "client_id": CLIENT_ID, "client_secret": SecretStr(CLIENT_SECRET)}
    settings = settings_for(tmp_path, auth=AuthConfig(mode="password+oidc"), oidc=OidcConfig(**given))
    async with running_site(store, settings) as client:
        await sign_in(client, password=PASSWORD)
        assert own_page(client)
        assert await signed_in(client)
        assert await location(client, await begun(client)) == "/"
