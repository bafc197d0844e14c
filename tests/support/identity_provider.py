"""A small real OpenID Connect provider: metadata, signing keys, codes with PKCE, signed ID tokens."""

import base64
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT_ID, CLIENT_SECRET = "tallygate", "a secret of the client"


@dataclass
class IdentityProvider:
    """Whoever comes is signed in as `claims` say. Tests bend what it answers."""

    claims: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "ann-1",
            "email": "Ann@Example.com",
            "email_verified": True,
            "name": "Ann",
        }
    )
    bent: dict[str, Any] = field(default_factory=dict)
    """Claims of the ID token instead of the right ones; None takes one away."""
    in_token: bool = True
    """Whether the ID token says the e-mail address; else only the user info does."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Fields of the metadata instead of the right ones."""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    signing_key: RSAKey | None = None
    """Another key than the published one."""
    algorithm: str = "RS256"
    base: str = ""
    user_info_sub: str | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    seen: list[dict[str, str]] = field(default_factory=list)
    """Queries of the authorization endpoint."""

    def app(self) -> web.Application:
        """Its endpoints."""
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._metadata)
        app.router.add_get("/keys", self._keys)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        app.router.add_get("/user", self._user)
        return app

    async def _metadata(self, _request: web.Request) -> web.Response:
        told = {
            "issuer": self.base,
            "authorization_endpoint": f"{self.base}/authorize",
            "token_endpoint": f"{self.base}/token",
            "jwks_uri": f"{self.base}/keys",
            "userinfo_endpoint": f"{self.base}/user",
            "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
        }
        return web.json_response(told | self.metadata)

    async def _keys(self, _request: web.Request) -> web.Response:
        return web.json_response(KeySet([self.key]).as_dict(private=False))

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        self.seen.append(asked)
        code = f"code-{len(self.seen)}"
        self.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"], "iss": self.base})
        return web.Response(status=302, headers={"Location": f"{asked['redirect_uri']}?{back}"})

    async def _token(self, request: web.Request) -> web.Response:
        given = await request.post()
        asked = self.codes.pop(str(given.get("code")), None)
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        challenge = hashlib.sha256(str(given.get("code_verifier")).encode()).digest()
        if (
            asked is None
            or request.headers.get("Authorization") != f"Basic {basic}"
            or given.get("redirect_uri") != asked["redirect_uri"]
            or base64.urlsafe_b64encode(challenge).rstrip(b"=").decode() != asked["code_challenge"]
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = {"access_token": "access", "token_type": "Bearer", "id_token": self._id_token(asked)}
        return web.json_response(token)

    def _id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        told = self.claims if self.in_token else {"sub": self.claims["sub"]}
        right = {
            "iss": self.base,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **told,
        }
        claims = {name: value for name, value in (right | self.bent).items() if value is not None}
        header = {"alg": self.algorithm, "kid": (self.signing_key or self.key).kid}
        return jwt.encode(header, claims, self.signing_key or self.key, algorithms=[self.algorithm])

    async def _user(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer access":
            return web.Response(status=401)
        return web.json_response(self.claims | {"sub": self.user_info_sub or self.claims["sub"]})


@asynccontextmanager
async def running_provider() -> AsyncIterator[IdentityProvider]:
    """A provider that ends with the block."""
    provider = IdentityProvider()
    async with TestServer(provider.app()) as server:
        provider.base = str(server.make_url("")).rstrip("/")
        yield provider


def query_of(url: str) -> dict[str, str]:
    """The query of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
