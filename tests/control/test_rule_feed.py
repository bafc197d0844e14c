"""How processors follow the rules: in time, without secrets, and through a store that is away."""

from pathlib import Path

from tallygate.control.open import open_rules, open_store
from tallygate.control.store.database import ControlStore
from tallygate.runtime.config import Settings
from tests.support.control import add_rule, settings_for
from tests.support.wait import eventually_sync


def test_a_new_rule_is_in_force_at_once(settings: Settings, store: ControlStore) -> None:
    feed = open_rules(settings)
    feed.start()
    try:
        first = feed.current()
        assert first.version >= 0
        rule = add_rule(store)
        eventually_sync(lambda: feed.current() is not first, within_s=2.0)
        assert feed.current().rules == {"default": (rule,)}
        assert feed.current().version > first.version
    finally:
        feed.stop()


def test_a_store_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    """Also without its master key: no secret is opened."""
    settings = settings_for(tmp_path / "data")
    feed = open_rules(settings)
    feed.start()
    try:
        assert feed.current().version == -1
        store = open_store(settings)
        (key,) = (path for path in settings.data_dir.iterdir() if "key" in path.name)
        key.unlink()
        eventually_sync(lambda: feed.current().version >= 0, within_s=5.0)
        store.close()
    finally:
        feed.stop()
