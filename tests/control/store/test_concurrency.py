"""Writers at the same time: nothing is lost, nothing is counted twice, readers see one state."""

import subprocess
import sys
import threading

from tallygate.control.open import open_store
from tallygate.control.specs import Rotation
from tallygate.control.store import audit, keys
from tallygate.control.store.database import ControlStore
from tallygate.runtime.config import Settings
from tests.support.control import issue

PROCESSES, CHANGES = 3, 20


def test_processes_that_write_at_once(settings: Settings, store: ControlStore) -> None:
    dsn = settings.control.dsn.get_secret_value() if settings.control.dsn else None
    code = (
        "from pathlib import Path\n"
        "from tallygate.control.open import open_store\n"
        "from tests.support.control import issue, settings_for\n"
        f"store = open_store(settings_for(Path({str(settings.data_dir)!r}), {dsn!r}))\n"
        f"[issue(store) for _ in range({CHANGES})]; store.close()\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(PROCESSES)]
    seen = [store.dump()]
    while any(process.poll() is None for process in started):
        seen.append(store.dump())
    assert [process.wait() for process in started] == [0] * PROCESSES
    assert store.dump().version == PROCESSES * CHANGES
    # One key a change: a reader that saw a half change would see another number.
    assert all(len(dump.keys) == dump.version for dump in seen)
    assert [dump.version for dump in seen] == sorted(dump.version for dump in seen)
    with store.read() as session:
        assert len(audit.listed(session, limit=500)) == PROCESSES * CHANGES


def test_threads_that_rotate_one_key_leave_one_lasting_secret(
    settings: Settings, store: ControlStore
) -> None:
    key, _ = issue(store)
    secrets: list[str] = []

    def rotate() -> None:
        mine = open_store(settings)
        for _ in range(5):
            with mine.write("test") as change:
                secrets.append(keys.rotate(change, key.id, Rotation(overlap_s=60)).secret)
        mine.close()

    threads = [threading.Thread(target=rotate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(secrets)) == 20
    grants = store.snapshot().grants
    assert len(grants) == 21
    assert sum(grant.valid_until_us is None for grant in grants.values()) == 1
