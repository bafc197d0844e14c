"""The master key's file: private, made once, never replaced."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from tallygate.control import master_key
from tallygate.control.errors import MasterKeyError
from tallygate.control.open import open_feed, open_store
from tallygate.control.vault import new_master_key
from tallygate.runtime.config import Settings
from tests.support.control import issue, keep, settings_for


def test_is_made_private_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "master.key"
    assert master_key.read(None, path) is None
    key = master_key.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert master_key.read(None, path) == key == master_key.create(path)
    assert [entry.name for entry in path.parent.iterdir()] == ["master.key"]


def test_all_who_make_it_at_once_get_the_same(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: master_key.create(path), range(64)))
    assert len(keys) == 1


def test_the_setting_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    from_file = master_key.create(path)
    assert master_key.read(SecretStr(new_master_key()), path) != from_file


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    master_key.create(path)
    path.chmod(0o640)
    with pytest.raises(MasterKeyError, match="chmod 600"):
        master_key.read(None, path)


@pytest.mark.parametrize("content", [b"", b"\x00" * 44, b"half", b"\xff\xfe", b"A" * 5000])
def test_a_damaged_file_is_an_error_and_stays(tmp_path: Path, content: bytes) -> None:
    open_store(settings_for(tmp_path)).close()
    path = tmp_path / "master.key"
    path.write_bytes(content)
    for opening in (open_store, open_feed):
        with pytest.raises(MasterKeyError, match=r"master\.key is damaged"):
            opening(settings_for(tmp_path))
    assert path.read_bytes() == content


def test_a_damaged_setting_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError, match="TALLYGATE_MASTER_KEY is damaged"):
        open_store(settings_for(tmp_path, master_key="tooshort"))


def test_a_missing_file_is_not_made_again(settings: Settings) -> None:
    open_store(settings).close()
    path = settings.data_dir / "master.key"
    path.unlink()
    with pytest.raises(MasterKeyError, match="the master key is missing"):
        open_store(settings)
    assert not path.exists()


def test_another_key_is_told_before_it_is_used(settings: Settings) -> None:
    store = open_store(settings)
    issued = issue(store)
    keep(store)
    store.close()
    other = settings.model_copy(update={"master_key": SecretStr(new_master_key())})
    with pytest.raises(MasterKeyError, match=r"TALLYGATE_MASTER_KEY\) is not the one"):
        open_store(other)
    again = open_store(settings)
    assert again.snapshot().find(issued.secret) is not None
    again.close()
