"""`tallygate users` and `tokens` as an operator meets them; which settings of signing in are refused."""

from pathlib import Path
from typing import Any

import pytest

from tallygate.control.access.passwords import matches
from tallygate.control.open import open_store
from tallygate.control.store import tokens, users
from tallygate.control.store.database import utc_now
from tallygate.infra.api import require_guarded
from tallygate.runtime.config import AuthConfig, ConfigError, OidcConfig, Settings
from tests.infra.test_control_cli import data, listed, tallygate
from tests.support.control import settings_for

__all__ = ["data"]
PASSWORD = "correct horse battery"


def password_of(directory: Path, email: str) -> str | None:
    """The hash that is kept."""
    store = open_store(settings_for(directory))
    with store.read() as session:
        found = users.password_of(session, email)
    store.close()
    assert found is not None
    return found[1]


def test_a_users_life(data: Path) -> None:
    tallygate("projects", "create", "team")
    tallygate("users", "add", "Ann@Example.com", "--admin", given=PASSWORD + "\n")
    assert matches(password_of(data, "ann@example.com"), PASSWORD)
    options = ("--project", "team", "--role", "member", "--password-env", "BOBS")
    told = tallygate("users", "add", "bob@example.com", *options, BOBS="another " + PASSWORD)
    assert "member of team" in told.stderr
    assert [(user["email"], user["admin"]) for user in listed("users", "list")] == [
        ("ann@example.com", True),
        ("bob@example.com", False),
    ]
    tallygate("users", "role", "bob@example.com", "viewer")
    assert [(one["project"], one["role"]) for one in listed("users", "roles")] == [
        ("default", "viewer"),
        ("team", "member"),
    ]
    tallygate("users", "role", "bob@example.com", "none", "--project", "team")
    assert listed("users", "roles", "--project", "team") == []
    tallygate("users", "password", "bob@example.com", given="yet another one\n")
    assert matches(password_of(data, "bob@example.com"), "yet another one")
    tallygate("users", "admin", "ann@example.com", "--off")
    tallygate("users", "sign-out", "bob@example.com")
    tallygate("users", "remove", "bob@example.com")
    assert [user["email"] for user in listed("users", "list")] == ["ann@example.com"]
    assert PASSWORD not in tallygate("admins", "log").output


def test_who_signs_in_elsewhere_has_no_password(data: Path) -> None:
    tallygate("users", "add", "ann@example.com", "--no-password")
    assert password_of(data, "ann@example.com") is None


@pytest.mark.parametrize(
    ("arguments", "given", "code", "said"),
    [
        (("add", "ann@example.com"), "short\n", 2, "12 to 1024 characters"),
        (("add", "ann@example.com"), "", 2, "nothing was given"),
        (("add", "ann"), PASSWORD + "\n", 2, "email"),
        (("add", "ann@example.com", "--role", "member"), PASSWORD + "\n", 2, "--project"),
        (("add", "ann@example.com", "--project", "default", "--role", "king"), PASSWORD + "\n", 2, "role"),
        (("add", "ann@example.com", "--project", "nowhere"), PASSWORD + "\n", 1, "nowhere"),
        (("password", "nobody@example.com"), PASSWORD + "\n", 1, "no user nobody@example.com"),
        (("role", "nobody@example.com", "viewer"), "", 1, "no user nobody@example.com"),
        (("role", "nobody@example.com", "none"), "", 1, "no role in project"),
        (("remove", "nobody@example.com"), "", 1, "no user nobody@example.com"),
    ],
)
def test_mistakes_are_told(data: Path, arguments: tuple[str, ...], given: str, code: int, said: str) -> None:
    told = tallygate("users", *arguments, given=given, code=code).output
    assert said in told
    assert PASSWORD not in told
    assert listed("users", "list") == []


def test_tokens(data: Path) -> None:
    secret = tallygate("tokens", "create", "report", "--role", "member", "--expires-in", "90d").stdout.strip()
    store = open_store(settings_for(data))
    with store.read() as session:
        token = tokens.authenticate(session, secret, utc_now())
    store.close()
    assert token is not None
    assert (token.project, token.role) == ("default", "member")
    assert secret not in tallygate("tokens", "list", "--project", "default").output
    tallygate("tokens", "revoke", token.id)
    assert listed("tokens", "list")[0]["revoked_at"] is not None


OIDC = {"issuer": "https://id.example", "client_id": "x"}


@pytest.mark.parametrize(
    ("host", "auth", "oidc", "refused"),
    [
        ("127.0.0.1", {}, {}, None),
        ("0.0.0.0", {}, {}, "TALLYGATE_AUTH__MODE"),
        ("127.0.0.1", {"mode": "password"}, {}, None),
        ("0.0.0.0", {"mode": "password"}, {}, "TALLYGATE_AUTH__PUBLIC_URL"),
        ("0.0.0.0", {"mode": "password", "public_url": "https://x.example"}, {}, None),
        ("127.0.0.1", {"mode": "oidc"}, {}, "oidc.issuer and oidc.client_id"),
        ("127.0.0.1", {"mode": "oidc"}, OIDC | {"issuer": "http://id.example"}, "not an https"),
        ("127.0.0.1", {"mode": "password+oidc"}, OIDC, None),
    ],
)
def test_what_has_to_be_said_of_signing_in(
    host: str, auth: dict[str, Any], oidc: dict[str, Any], refused: str | None
) -> None:
    settings = Settings(api_host=host, auth=AuthConfig(**auth), oidc=OidcConfig(**oidc))
    if refused is None:
        require_guarded(settings)
        return
    with pytest.raises(ConfigError, match=refused):
        require_guarded(settings)


@pytest.mark.parametrize(
    "url",
    ["x", "http://x.example", "https://x.example/tallygate", "https://me@x.example", "ftp://x", "https://"],
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="public_url"):
        AuthConfig(public_url=url)
