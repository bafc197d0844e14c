"""The identity provider: OpenID Connect's code flow with PKCE, by Authlib. Everything here blocks."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tallygate.control.access.origin import is_safe
from tallygate.runtime.config import OidcConfig

METADATA = "/.well-known/openid-configuration"
TIMEOUT_S = 10.0
METADATA_TTL_S = 3600.0
KEYS_PAUSE_S = 30.0
"""Signing keys are fetched anew for a key that isn't known, and no oftener than this."""
LEEWAY_S = 60
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Signatures by a private key only: never `none`, nor one that the client's secret could make."""
VERIFIER_CHARS = 64


class ProviderError(Exception):
    """Signing in at the provider came to nothing; `code` is for the page, the message for the log."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Flow:
    """What is remembered while somebody is at the provider."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider has signed in."""

    subject: str
    """Issuer and its own id of them."""
    email: str
    name: str


class Provider:
    """One provider, as the settings name it. Safe to use from several threads."""

    def __init__(self, settings: OidcConfig, redirect_uri: str) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._lock = threading.Lock()
        self._metadata: dict[str, Any] = {}
        self._metadata_at = 0.0
        self._keys: KeySet | None = None
        self._keys_at = 0.0

    def begin(self) -> tuple[str, Flow]:
        """Where to send the browser, and what to remember until it is back.

        Raises:
            ProviderError: the provider can't be reached, or is not what the settings say.
        """
        metadata = self._discovered()
        flow = Flow(generate_token(48), generate_token(48), generate_token(VERIFIER_CHARS))
        with self._session() as session:
            url, _ = session.create_authorization_url(
                metadata["authorization_endpoint"],
                state=flow.state,
                nonce=flow.nonce,
                code_verifier=flow.verifier,
            )
        return str(url), flow

    def finish(self, code: str, flow: Flow) -> Person:
        """Exchange the code that the browser has brought.

        Raises:
            ProviderError: it is refused, or what it is worth can't be trusted.
        """
        metadata = self._discovered()
        try:
            with self._session() as session:
                token = session.fetch_token(
                    metadata["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=flow.verifier,
                    redirect_uri=self._redirect_uri,
                    allow_redirects=False,
                )
                claims = self._verified(token, flow, metadata)
                if "email" not in claims and "userinfo_endpoint" in metadata:
                    claims = {
                        **self._user_info(session, metadata["userinfo_endpoint"], claims["sub"]),
                        **claims,
                    }
        except OAuthError as error:
            raise ProviderError("refused", f"the provider refuses the code: {error.error}") from error
        except (requests.RequestException, ValueError) as error:
            raise ProviderError("unreachable", f"the provider gives no usable answer: {error}") from error
        return self._person(claims)

    def issued_by_another(self, issuer: str | None) -> bool:
        """Whether an answer's `iss` (RFC 9207) says that it is not this provider's."""
        return issuer is not None and issuer != self._settings.issuer

    def _session(self) -> OAuth2Session:
        return OAuth2Session(
            client_id=self._settings.client_id,
            client_secret=self._settings.client_secret.get_secret_value() or None,
            scope=self._settings.scopes,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            default_timeout=TIMEOUT_S,
        )

    def _discovered(self) -> dict[str, Any]:
        with self._lock:
            if not self._metadata or time.monotonic() - self._metadata_at > METADATA_TTL_S:
                self._metadata = self._discover()
                self._metadata_at = time.monotonic()
            return self._metadata

    def _discover(self) -> dict[str, Any]:
        metadata = _fetched(self._settings.issuer.rstrip("/") + METADATA)
        if metadata.get("issuer") != self._settings.issuer:
            message = (
                f"oidc.issuer is {self._settings.issuer!r}, and its metadata says {metadata.get('issuer')!r}"
            )
            raise ProviderError("misconfigured", message)
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not is_safe(str(metadata.get(name, ""))):
                raise ProviderError("misconfigured", f"the provider's {name} is not an https address")
        return metadata

    def _verified(self, token: Mapping[str, Any], flow: Flow, metadata: Mapping[str, Any]) -> dict[str, Any]:
        told = metadata.get("id_token_signing_alg_values_supported", ["RS256"])
        algorithms = sorted(ALGORITHMS.intersection(told))
        text = str(token.get("id_token", ""))
        try:
            decoded = self._decoded(text, algorithms, metadata["jwks_uri"])
            client_id = self._settings.client_id
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={
                    "iss": {"essential": True, "value": self._settings.issuer},
                    "aud": {"essential": True, "value": client_id},
                },
                params={
                    "nonce": flow.nonce,
                    "client_id": client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError) as error:
            raise ProviderError("untrusted", f"the ID token is not to be trusted: {error}") from error
        return dict(claims)

    def _decoded(self, text: str, algorithms: list[str], jwks_uri: str) -> jwt.Token:
        keys = self._signing_keys(jwks_uri, anew=False)
        try:
            return jwt.decode(text, keys, algorithms=algorithms)
        except (JoseError, ValueError):
            # Providers change their keys: one that isn't known may be new.
            newer = self._signing_keys(jwks_uri, anew=True)
            if newer is keys:
                raise
            return jwt.decode(text, newer, algorithms=algorithms)

    def _signing_keys(self, jwks_uri: str, *, anew: bool) -> KeySet:
        with self._lock:
            age_s = time.monotonic() - self._keys_at
            if self._keys is None or age_s > METADATA_TTL_S or (anew and age_s > KEYS_PAUSE_S):
                try:
                    self._keys = KeySet.import_key_set(_fetched(jwks_uri))  # type: ignore[arg-type]
                except (JoseError, KeyError, TypeError) as error:
                    raise ProviderError("misconfigured", "the provider's keys can't be read") from error
                self._keys_at = time.monotonic()
            return self._keys

    def _user_info(self, session: OAuth2Session, endpoint: str, subject: str) -> dict[str, Any]:
        if not is_safe(endpoint):
            raise ProviderError("misconfigured", "the provider's userinfo_endpoint is not an https address")
        answer = session.get(endpoint, allow_redirects=False)
        answer.raise_for_status()
        told = answer.json()
        # OpenID Connect 5.3.2: else it may be about somebody else.
        if not isinstance(told, dict) or told.get("sub") != subject:
            raise ProviderError("untrusted", "the provider's user info is about another subject")
        return told

    def _person(self, claims: Mapping[str, Any]) -> Person:
        email = claims.get("email")
        if not isinstance(email, str) or not email:
            raise ProviderError(
                "no_email", "the provider tells no e-mail address: is the scope `email` allowed?"
            )
        # Some providers write the word.
        if claims.get("email_verified") not in (True, "true") and not self._settings.trust_email:
            raise ProviderError("unverified_email", "the provider does not call the e-mail address verified")
        name = claims.get("name")
        return Person(
            subject=f"{self._settings.issuer} {claims['sub']}",
            email=email.strip().lower(),
            name=name if isinstance(name, str) else "",
        )


def _fetched(url: str) -> dict[str, Any]:
    try:
        answer = requests.get(url, timeout=TIMEOUT_S, allow_redirects=False)
        answer.raise_for_status()
        found = json.loads(answer.content)
    except (requests.RequestException, ValueError) as error:
        raise ProviderError("unreachable", f"{url} gives no usable answer: {error}") from error
    if not isinstance(found, dict):
        raise ProviderError("unreachable", f"{url} gives no JSON object")
    return found
