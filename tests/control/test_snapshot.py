"""The snapshot as plain values: what it answers, and how it is made of a dump."""

import logging
import os
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tallygate.control.dump import Dump, DumpedCredential, DumpedKey, DumpedSecret
from tallygate.control.records import Project
from tallygate.control.sealed import seal_secrets
from tallygate.control.secrets import digest
from tallygate.control.snapshot import Snapshot, assemble
from tallygate.control.vault import Vault

VAULT = Vault(b"k" * 32)
T0 = datetime(2026, 11, 1, tzinfo=UTC)
T0_US = 1_793_491_200_000_000


def key(secret: str, **given: object) -> DumpedKey:
    fields: dict[str, object] = {
        "id": "key_1",
        "project": "default",
        "name": "a key",
        "user_id": "",
        "models": (),
        "rate_limits": (),
        "expires_at": None,
        "secrets": (DumpedSecret(digest=digest(secret), valid_until=None),),
    }
    return DumpedKey.model_validate({**fields, **given})


def credential(credential_id: str, sealed: bytes, **given: object) -> DumpedCredential:
    fields: dict[str, object] = {
        "id": credential_id,
        "project": None,
        "provider": "openai",
        "name": credential_id,
        "sealed": sealed,
        "base_url": None,
        "region": None,
        "api_version": None,
        "model_map": {},
        "weight": 1,
    }
    return DumpedCredential.model_validate({**fields, **given})


def dump(*keys: DumpedKey, credentials: tuple[DumpedCredential, ...] = ()) -> Dump:
    projects = (Project(id="default", name="default", created_at=T0),)
    return Dump(version=7, stamp="s", projects=projects, keys=keys, credentials=credentials, aliases=())


def test_an_empty_snapshot_knows_nobody() -> None:
    snapshot = Snapshot()
    assert snapshot.authenticate("tg-x", T0_US) is None
    assert snapshot.deployments_of("default", "openai") == ()
    assert snapshot.resolve("default", "gpt-4o, x") == ("gpt-4o", "x")


@pytest.mark.parametrize(
    "secret", ["", "tg-", "tg-other", "tg-secret ", "\udc80\udcff", "tg-" + "x" * 100_000, "é"]
)
def test_other_secrets_are_unknown(secret: str) -> None:
    assert assemble(dump(key("tg-secret")), VAULT).authenticate(secret, T0_US) is None


def test_times_end_to_the_microsecond() -> None:
    snapshot = assemble(dump(key("tg-secret", expires_at=T0)), VAULT)
    assert snapshot.authenticate("tg-secret", T0_US - 1) is not None
    assert snapshot.authenticate("tg-secret", T0_US) is None


def test_models_are_allowed_by_name_or_with_provider() -> None:
    info = assemble(dump(key("s", models=("openai/*", "claude-*"))), VAULT).authenticate("s", T0_US)
    assert info is not None
    assert info.allows("gpt-4o", "openai")
    assert info.allows("claude-x", "bedrock")
    assert not info.allows("gpt-4o", "azure")
    assert not info.allows("gpt-4o")


def test_a_damaged_credential_is_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    sealed = seal_secrets({"api_key": SecretStr("sk-1")}, VAULT, context="credential cred_1")
    moved = credential("cred_2", sealed)  # another row's
    with caplog.at_level(logging.ERROR):
        snapshot = assemble(dump(credentials=(credential("cred_1", sealed), moved)), VAULT)
    assert [one.credential_id for one in snapshot.deployments_of("default", "openai")] == ["cred_1"]
    assert "cred_2" in caplog.text
    assert "sk-1" not in caplog.text


@given(st.binary(max_size=64), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
def test_a_dump_survives_json(sealed: bytes, model_map: dict[str, str]) -> None:
    one = dump(key("s", expires_at=T0), credentials=(credential("c", sealed, model_map=model_map),))
    assert Dump.model_validate_json(one.model_dump_json()) == one


def test_many_keys_are_looked_up_alike() -> None:
    secrets = [os.urandom(8).hex() for _ in range(2000)]
    snapshot = assemble(dump(*(key(secret, id=secret) for secret in secrets)), VAULT)
    found = [snapshot.authenticate(secret, T0_US) for secret in secrets]
    assert [one.key_id if one else None for one in found] == secrets
