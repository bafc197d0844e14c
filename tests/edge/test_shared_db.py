from pathlib import Path

import pytest

from tallygate.edge import shared_db
from tallygate.edge.shared_db import SharedDb, SharedDbError, SharedDbFullError


def open_db(directory: Path, map_bytes: int = 1 << 20) -> SharedDb:
    return SharedDb(directory, map_bytes=map_bytes, databases=("things",))


def put(db: SharedDb, key: bytes, value: bytes) -> None:
    with db.transaction(write=True) as txn:
        txn.put(key, value, db=db.databases[0])


def get(db: SharedDb, key: bytes) -> bytes | None:
    with db.transaction(write=False) as txn:
        found = txn.get(key, db=db.databases[0])
        return None if found is None else bytes(found)


@pytest.fixture
def boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The name of this run of the machine, in a file that a test can change."""
    path = tmp_path / "boot_id"
    path.write_text("first")
    monkeypatch.setattr(shared_db, "_BOOT_ID", path)
    return path


def test_what_was_put_is_there_after_an_orderly_end_and_a_new_start(tmp_path: Path, boot: Path) -> None:
    with open_db(tmp_path / "db") as db:
        put(db, b"a", b"1")
    boot.write_text("second")
    with open_db(tmp_path / "db") as db:
        assert get(db, b"a") == b"1"


def test_unsynced_writes_are_not_trusted_after_a_new_start_of_the_machine(tmp_path: Path, boot: Path) -> None:
    with open_db(tmp_path / "db") as db:
        put(db, b"a", b"1")
    with open_db(tmp_path / "db") as db:
        put(db, b"b", b"2")
        noted = (tmp_path / "db" / "boot").read_text()
    (tmp_path / "db" / "boot").write_text(noted)  # as if killed before its end
    with open_db(tmp_path / "db") as db:
        assert get(db, b"b") == b"2"
        (tmp_path / "db" / "keep").write_text((tmp_path / "db" / "boot").read_text())
    (tmp_path / "db" / "keep").replace(tmp_path / "db" / "boot")
    boot.write_text("second")
    with open_db(tmp_path / "db") as db:
        assert get(db, b"a") is None
        put(db, b"c", b"3")
    with open_db(tmp_path / "db") as db:
        assert get(db, b"c") == b"3"


@pytest.mark.parametrize("noted", ["", "rubbish", "a b c", "first x"])
def test_a_torn_note_is_no_reason_to_trust(tmp_path: Path, boot: Path, noted: str) -> None:
    with open_db(tmp_path / "db") as db:
        put(db, b"a", b"1")
    (tmp_path / "db" / "boot").write_text(noted)
    with open_db(tmp_path / "db") as db:
        assert get(db, b"a") is None


@pytest.mark.parametrize("damage", [b"", b"rubbish" * 5_000, b"\0" * 8_192])
def test_a_damaged_file_is_replaced(tmp_path: Path, damage: bytes) -> None:
    with open_db(tmp_path) as db:
        put(db, b"a", b"1")
    (tmp_path / "data.mdb").write_bytes(damage)
    with open_db(tmp_path) as db:
        assert get(db, b"a") is None
        put(db, b"a", b"2")
        assert get(db, b"a") == b"2"


def test_a_full_one_says_so_and_keeps_what_it_had(tmp_path: Path) -> None:
    with open_db(tmp_path, map_bytes=64 * 1024) as db:
        put(db, b"a", b"1")
        with pytest.raises(SharedDbFullError):
            put(db, b"b", b"x" * 128 * 1024)
        assert (get(db, b"a"), get(db, b"b")) == (b"1", None)


def test_misuse_is_an_error_of_ours(tmp_path: Path) -> None:
    with open_db(tmp_path) as db:
        with pytest.raises(SharedDbError, match="already open"):
            open_db(tmp_path)
        with pytest.raises(SharedDbError):
            put(db, b"", b"1")
        assert db.free_dead_readers() == 0
    with pytest.raises(SharedDbError):
        get(db, b"a")


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    with open_db(tmp_path / "db"):
        assert (tmp_path / "db").stat().st_mode & 0o077 == 0
        assert (tmp_path / "db" / "data.mdb").stat().st_mode & 0o077 == 0
