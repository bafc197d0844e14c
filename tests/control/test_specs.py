"""What may be asked of the store, and what is refused; no message repeats a value."""

from typing import Any

import pytest
from pydantic import ValidationError

from tallygate.control.specs import (
    CredentialPatch,
    KeyPatch,
    NewAlias,
    NewCredential,
    NewKey,
    NewProject,
    ProjectPatch,
    Rotation,
    Spec,
)

KEY = {"project": "default", "name": "k"}
CREDENTIAL = {"provider": "openai"}
ALIAS = {"name": "fast", "models": ["x"]}


@pytest.mark.parametrize(
    ("spec", "given", "where"),
    [
        (NewProject, {}, "id"),
        (NewProject, {"id": ""}, "id"),
        (NewProject, {"id": "Upper"}, "id"),
        (NewProject, {"id": "-a"}, "id"),
        (NewProject, {"id": "a/b"}, "id"),
        (NewProject, {"id": "a\n"}, "id"),
        (NewProject, {"id": "a" * 64}, "id"),
        (NewProject, {"id": "a", "owner": "x"}, "owner"),
        (ProjectPatch, {"name": None}, "name"),
        (ProjectPatch, {"settings": {"time_zone": "Mars/Olympus"}}, "settings.time_zone"),
        (ProjectPatch, {"settings": {"time_zone": "../../etc/passwd"}}, "settings.time_zone"),
        (ProjectPatch, {"settings": {"target_urls": ["file:///etc"]}}, "settings.target_urls.0"),
        (NewKey, {"name": "k"}, "project"),
        (NewKey, {**KEY, "name": " "}, "name"),
        (NewKey, {**KEY, "name": "a\x00b"}, "name"),
        (NewKey, {**KEY, "name": "x" * 201}, "name"),
        (NewKey, {**KEY, "user_id": "a\x00"}, "user_id"),
        (NewKey, {**KEY, "models": ["a,b"]}, "models.0"),
        (NewKey, {**KEY, "models": [""]}, "models.0"),
        (NewKey, {**KEY, "models": "gpt-4o"}, "models"),
        (NewKey, {**KEY, "models": ["m"] * 101}, "models"),
        (NewKey, {**KEY, "rate_limits": ["100"]}, "rate_limits"),
        (NewKey, {**KEY, "rate_limits": ["100;w=60;u=dollars"]}, "rate_limits"),
        (NewKey, {**KEY, "rate_limits": ["100;w=60", ""]}, "rate_limits.1"),
        (NewKey, {**KEY, "expires_at": "2100-01-01T00:00:00"}, "expires_at"),
        (NewKey, {**KEY, "expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        (NewKey, {**KEY, "expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at"),
        (NewKey, {**KEY, "expires_at": "soon"}, "expires_at"),
        (NewKey, {**KEY, "secret": "tg-mine"}, "secret"),
        (KeyPatch, {"project": "other"}, "project"),
        (KeyPatch, {"name": None}, "name"),
        (Rotation, {"overlap_s": -1}, "overlap_s"),
        (Rotation, {"overlap_s": 10**9}, "overlap_s"),
        (NewCredential, {"provider": "Open AI"}, "provider"),
        (NewCredential, {**CREDENTIAL, "secrets": {"api_key": ""}}, "secrets"),
        (NewCredential, {**CREDENTIAL, "secrets": {"api_key": "sk-canary\n"}}, "secrets"),
        (NewCredential, {**CREDENTIAL, "secrets": {"api_key": "sk-canary" + "x" * 16_384}}, "secrets"),
        (NewCredential, {**CREDENTIAL, "secrets": {"api_key": 5}}, "secrets.api_key"),
        (NewCredential, {**CREDENTIAL, "secrets": "sk-canary"}, "secrets"),
        (NewCredential, {**CREDENTIAL, "base_url": "example.com"}, "base_url"),
        (NewCredential, {**CREDENTIAL, "base_url": "ftp://example.com"}, "base_url"),
        (NewCredential, {**CREDENTIAL, "base_url": "https://u:sk-canary@example.com"}, "base_url"),
        (NewCredential, {**CREDENTIAL, "base_url": "https://example.com?key=sk-canary"}, "base_url"),
        (NewCredential, {**CREDENTIAL, "base_url": "https://example.com#x"}, "base_url"),
        (NewCredential, {**CREDENTIAL, "base_url": "https://"}, "base_url"),
        (NewCredential, {**CREDENTIAL, "base_url": "https://[::1"}, "base_url"),
        (NewCredential, {**CREDENTIAL, "base_url": "https://h:99999"}, "base_url"),
        (NewCredential, {**CREDENTIAL, "base_url": "https://h/a b"}, "base_url"),
        (NewCredential, {**CREDENTIAL, "weight": 0}, "weight"),
        (NewCredential, {**CREDENTIAL, "weight": 1.5}, "weight"),
        (CredentialPatch, {"provider": "groq"}, "provider"),
        (NewAlias, {**ALIAS, "models": []}, "models"),
        (NewAlias, {**ALIAS, "name": "a/b"}, "name"),
        (NewAlias, {**ALIAS, "models": ["a b"]}, "models.0"),
    ],
)
def test_mistakes_name_their_place_and_no_value(spec: type[Spec], given: dict[str, Any], where: str) -> None:
    with pytest.raises(ValidationError) as caught:
        spec.model_validate(given)
    errors = caught.value.errors(include_input=False, include_url=False, include_context=False)
    assert where in {".".join(str(part) for part in error["loc"]) for error in errors}
    assert "sk-canary" not in str(caught.value)
    assert "sk-canary" not in str(errors)


def test_policies_are_kept_in_the_edges_own_form() -> None:
    given = ["100;w=60, 5;w=1;u=tokens", "9;s=User;w=86400;u=cents"]
    new = NewKey.model_validate({**KEY, "rate_limits": given})
    assert new.rate_limits == ("100;w=60", "5;w=1;u=tokens", "9;w=86400;u=cents;s=user")


def test_secrets_do_not_show() -> None:
    new = NewCredential.model_validate({**CREDENTIAL, "secrets": {"api_key": "sk-canary"}})
    assert "sk-canary" not in repr(new) + str(new) + new.model_dump_json()
