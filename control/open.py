"""Opening the control data from a process's settings. Everything here blocks."""

import os
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, select, update

from tallygate.control import master_key
from tallygate.control.errors import MasterKeyError, SealError, StoreUnavailableError
from tallygate.control.feed import SnapshotFeed
from tallygate.control.last_known import FILE_NAME, LastKnown
from tallygate.control.rule_feed import RuleFeed
from tallygate.control.snapshot import Snapshot
from tallygate.control.store.database import ControlStore
from tallygate.control.store.engine import WRITES, engine_for, mapped
from tallygate.control.store.migrate import migrate
from tallygate.control.store.tables import MetaRow
from tallygate.control.vault import KEY_BYTES, Vault
from tallygate.runtime.config import Settings

DATABASE_NAME = "control.db"
KEY_CHECK = b"tallygate"


def open_store(settings: Settings) -> ControlStore:
    """Open the store, migrated and with its master key checked.

    Raises:
        ConfigError, SchemaError, MasterKeyError: stop; the message says what to do.
        StoreUnavailableError: try again later.
    """
    engine = _engine(settings)
    try:
        migrate(engine)
        with mapped():
            vault = _checked_vault(engine, settings)
    except BaseException:
        engine.dispose()
        raise
    return ControlStore(engine, vault)


def open_feed(settings: Settings, *, on_change: Callable[[Snapshot], None] | None = None) -> SnapshotFeed:
    """An edge's feed, not yet started. Works from the last-known copy while the store is down.

    Raises:
        ConfigError, SchemaError, MasterKeyError: stop; the message says what to do.
        StoreUnavailableError: the store is down and there is no master key to read a copy with.
    """
    try:
        store = open_store(settings)
    except StoreUnavailableError:
        key = master_key.read(settings.master_key, _key_path(settings))
        if key is None:
            raise
        store = ControlStore(_engine(settings), Vault(key))
    last_known = LastKnown(settings.data_dir / FILE_NAME, store.vault)
    return SnapshotFeed(store, store.vault, last_known, on_change=on_change)


def open_rules(settings: Settings) -> RuleFeed:
    """A feed of the rules, not yet started. The store may be down, or not be made yet.

    Raises:
        ConfigError: `control.dsn` can't be used.
    """
    # A dump is read sealed as it is: the vault is never asked.
    return RuleFeed(ControlStore(_engine(settings), Vault(os.urandom(KEY_BYTES))))


def _engine(settings: Settings) -> Engine:
    dsn = settings.control.dsn
    return engine_for(dsn.get_secret_value() if dsn else None, settings.data_dir / DATABASE_NAME)


def _key_path(settings: Settings) -> Path:
    return settings.data_dir / master_key.FILE_NAME


def _checked_vault(engine: Engine, settings: Settings) -> Vault:
    store_id, check = _identity(engine)
    path = _key_path(settings)
    key = master_key.read(settings.master_key, path)
    if key is None:
        if check is not None:
            raise MasterKeyError(
                f"the master key is missing: the store's credentials are encrypted with one, but neither "
                f"{master_key.SETTING} is set nor does {path} exist; bring back the one it was made with"
            )
        key = master_key.create(path)
    vault = Vault(key)
    context = f"store {store_id}"
    if check is None:
        sealed = vault.seal(KEY_CHECK, context=context)
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            # Only the first to come: another process may have done it since.
            connection.execute(update(MetaRow).where(MetaRow.key_check.is_(None)).values(key_check=sealed))
        check = _identity(engine)[1] or b""
    try:
        vault.open(check, context=context)
    except SealError as error:
        raise MasterKeyError(
            f"the master key ({master_key.SETTING if settings.master_key else path}) is not the one that "
            "this store's credentials are encrypted with"
        ) from error
    return vault


def _identity(engine: Engine) -> tuple[str, bytes | None]:
    with engine.connect() as connection:
        store_id, check = connection.execute(select(MetaRow.store_id, MetaRow.key_check)).one()
        return store_id, check
