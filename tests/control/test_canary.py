"""Secrets are nowhere but where they must be: not in files, dumps, logs, errors or the audit log."""

import logging
from pathlib import Path

import pytest
from pydantic import SecretStr

from tallygate.control.errors import ConflictError
from tallygate.control.open import open_store
from tallygate.control.specs import CredentialPatch, NewAdminToken, Rotation
from tallygate.control.store import admins, audit, channels, credentials, keys
from tallygate.runtime.config import Settings
from tests.support.control import add_channel, issue, keep, running_feed
from tests.support.postgres import Postgres

RECEIVER = "https://hooks.example/services/canary-0123456789"
PROVIDER_SECRETS = ("sk-canary-first-0123456789", "sk-canary-second-987654321")


def use_everything(settings: Settings) -> list[str]:
    """Make, use and change all kinds of secrets; return them."""
    store = open_store(settings)
    issued = issue(store)
    kept = keep(store, secrets={"api_key": SecretStr(PROVIDER_SECRETS[0])})
    with store.write("test") as change:
        rotated = keys.rotate(change, issued.key.id, Rotation())
        admin = admins.create(change, NewAdminToken(name="ci"))
        patch = CredentialPatch(secrets={"api_key": SecretStr(PROVIDER_SECRETS[1])})
        credentials.patch(change, kept.id, patch)
    channel = add_channel(store, url=RECEIVER)
    with store.write("test") as change:
        signing = channels.rotate(change, channel.channel.channel_id).signing_secret
    with running_feed(settings) as feed:
        logging.getLogger("test").warning("%r %r", feed.current, feed.current.find(issued.secret))
        logging.getLogger("test").warning("%r", feed.current.channel_secrets)
        for deployment in feed.current.deployments_of("default", "openai"):
            logging.getLogger("test").warning("%r", deployment)
    with pytest.raises(ConflictError) as caught:
        keep(store, secrets={"api_key": SecretStr(PROVIDER_SECRETS[1])})
    logging.getLogger("test").error("refused", exc_info=caught.value)
    with store.read() as session:
        logging.getLogger("test").warning("%r", audit.listed(session, limit=99))
    store.close()
    assert channel.signing_secret is not None
    assert signing is not None
    made = [issued.secret, rotated.secret, admin.secret, channel.signing_secret, signing]
    return [*made, *PROVIDER_SECRETS, RECEIVER]


def assert_absent(secrets: list[str], content: bytes, where: str) -> None:
    """No secret, nor a telling part of one, is in the content."""
    for secret in secrets:
        assert secret.encode() not in content, where
        assert secret[3:-4].encode() not in content, where


def test_no_secret_in_any_file_or_log(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        secrets = use_everything(settings)
    assert "credential.update" in caplog.text
    assert_absent(secrets, caplog.text.encode(), "the log")
    files = [path for path in settings.data_dir.rglob("*") if path.is_file()]
    assert {"master.key", "snapshot.bin"} <= {path.name for path in files}
    for path in files:
        assert_absent(secrets, path.read_bytes(), path.name)


@pytest.mark.postgres
def test_no_secret_in_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    dsn = postgres.new_database()
    settings = Settings.model_validate({"data_dir": tmp_path, "control": {"dsn": dsn}})
    secrets = use_everything(settings)
    content = postgres.dump(dsn, "--inserts")
    assert "credential.update" in content
    assert_absent(secrets, content.encode(), "the database")
    # A bytea shows as hexadecimal digits.
    digits = [secret.encode().hex() for secret in secrets]
    assert not any(one in content for one in digits)


def test_settings_hide_the_dsn_and_the_master_key(tmp_path: Path) -> None:
    given = {"data_dir": tmp_path, "control": {"dsn": "postgresql://u:hunter2@h/d"}, "master_key": "canary"}
    settings = Settings.model_validate(given)
    shown = repr(settings) + settings.model_dump_json()
    assert "hunter2" not in shown
    assert "canary" not in shown
