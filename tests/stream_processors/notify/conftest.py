"""A control store and a notifier over it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallygate.control.deliveries import StoredDeliveries
from tallygate.control.open import open_store
from tallygate.control.store.database import ControlStore
from tests.support.control import settings_for


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ControlStore]:
    """A new store."""
    opened = open_store(settings_for(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def deliveries(store: ControlStore) -> StoredDeliveries:
    """Its deliveries."""
    return StoredDeliveries(store, max_waiting_calls=100_000)
