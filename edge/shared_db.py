"""LMDB environments that the edge workers of one machine share: rate limits and the cache.

LMDB because a transaction of ours takes 5-20 µs (no fsync, no thread hop), readers never wait, and of a
process that was killed inside a transaction nothing remains. Writes are not synced, so a killed process
loses nothing, but a power failure may leave pages that never reached the disk. Therefore an environment is
emptied when the machine has been started anew and its last transaction is not one that was synced (at an
orderly end): what is kept here may be lost, but must never be wrong.

LMDB's own locks are robust mutexes in shared memory, and these do not survive every kill: if one of several
processes that contend for such a mutex is killed, the others may wait for ever (glibc 2.36: in plain C in
37 of 400 rounds of kills, in the kill test of the limits in 2 of 16). So nobody here waits for one of them:
who may need one first takes its turn by `flock`. The kernel gives that back at every end of a process,
after it has marked the mutexes that the process held, and a mutex that nobody waits for is then taken over.
A turn costs 1 µs.

An environment must be opened once per process, and not be used across a fork.
"""

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple, Self

import lmdb

log = logging.getLogger(__name__)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MAX_READERS = 1_024
_READERS_AT_ONCE = 4
"""Of one process: its threads. Their slots in the table of readers are taken at the start and kept."""


class SharedDbError(Exception):
    """The environment can't be used just now."""


class SharedDbFullError(SharedDbError):
    """The environment has reached its size limit; nothing of the transaction was written."""


class Swept(NamedTuple):
    """How far a sweep has come."""

    deleted: int
    next: bytes


class SharedDb:
    """One environment and its named databases."""

    def __init__(self, directory: Path, *, map_bytes: int, databases: Sequence[str]) -> None:
        """Open it, or create it.

        Args:
            map_bytes: What it may take on disk at most. Takes address space only, until it is written.

        Raises:
            SharedDbError: it can't be opened, or is damaged while another process uses it.
        """
        self._directory = directory
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._users = _lock_file(directory / "users")
            self._turn = _Turn(directory / "turn")
        except OSError as error:
            raise SharedDbError(f"{directory}: {error.strerror}") from error
        try:
            with _locked(directory / "opening"), self._turn:
                self._env = self._open(map_bytes, len(databases))
                self._note_boot(self._synced())
                fcntl.flock(self._users, fcntl.LOCK_SH)
                self.databases = tuple(self._env.open_db(name.encode()) for name in databases)
                self._take_reader_slots()
        except (lmdb.Error, OSError) as error:
            os.close(self._users)
            self._turn.close()
            raise SharedDbError(f"{directory}: {error}") from error

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[lmdb.Transaction]:
        """A transaction, committed unless the block raises. Values read are views valid within it.

        Raises:
            SharedDbFullError: no room.
            SharedDbError: anything else that LMDB says.
        """
        try:
            with self._turn if write else nullcontext(), self._env.begin(write=write, buffers=True) as txn:
                yield txn
        except lmdb.MapFullError as error:
            raise SharedDbFullError(str(self._directory)) from error
        except lmdb.Error as error:
            raise SharedDbError(f"{self._directory}: {error}") from error

    def sweep(self, database: Any, start: bytes, keys: int, is_dead: Callable[[Any], bool]) -> Swept:
        """Delete what is dead among the next `keys` (2 or more) keys from `start` on.

        Called a little at a time, from `Swept.next` on, it goes round all keys. `is_dead` gets a value.
        """
        deleted = 0
        at = start
        with self.transaction(write=True) as txn, txn.cursor(db=database) as cursor:
            found = cursor.set_range(at)
            for _ in range(keys):
                if not found:
                    return Swept(deleted, b"")
                at = bytes(cursor.key())
                if is_dead(cursor.value()):
                    deleted += cursor.delete()
                    found = bool(cursor.key())
                else:
                    found = cursor.next()
        return Swept(deleted, at)

    def free_dead_readers(self) -> int:
        """Give back the reader slots of processes that were killed: they keep old pages from being reused."""
        try:
            with self._turn:
                return self._env.reader_check()
        except lmdb.Error as error:
            raise SharedDbError(f"{self._directory}: {error}") from error

    def close(self) -> None:
        """Sync and close; without it (a kill) nothing is lost but for the next start of the machine."""
        try:
            synced = self._env.info()["last_txnid"]
            with _locked(self._directory / "opening"):
                with self._turn:
                    self._env.sync(True)
                self._note_boot(synced)
        except (lmdb.Error, OSError):
            log.warning("%s: not synced", self._directory, exc_info=True)
        finally:
            self._env.close()
            os.close(self._users)
            self._turn.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, map_bytes: int, databases: int) -> lmdb.Environment:
        """Open, emptying first what can't be trusted. Under the lock of `opening`."""
        try:
            env = self._try_open(map_bytes, databases)
        except (lmdb.InvalidError, lmdb.CorruptedError, lmdb.VersionMismatchError) as error:
            self._empty(str(error))
            return self._try_open(map_bytes, databases)
        if not self._is_trusted(env.info()["last_txnid"]):
            env.close()
            self._empty("the machine was started anew and its last writes were not synced")
            return self._try_open(map_bytes, databases)
        env.reader_check()
        return env

    def _try_open(self, map_bytes: int, databases: int) -> lmdb.Environment:
        return lmdb.open(
            str(self._directory),
            map_size=map_bytes,
            max_dbs=databases,
            max_readers=MAX_READERS,
            max_spare_txns=_READERS_AT_ONCE,
            mode=0o600,
            sync=False,
            metasync=False,
            readahead=False,
            meminit=False,
        )

    def _take_reader_slots(self) -> None:
        """A new slot in the table of readers takes a mutex; these are kept for later transactions."""
        for reader in [self._env.begin() for _ in range(_READERS_AT_ONCE)]:
            reader.abort()

    def _empty(self, reason: str) -> None:
        """Delete the files, if nobody uses them."""
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SharedDbError(f"{self._directory}: {reason}; and another process uses it") from error
        log.warning("%s: emptied: %s", self._directory, reason)
        for name in ("data.mdb", "lock.mdb", "boot"):
            (self._directory / name).unlink(missing_ok=True)

    def _is_trusted(self, last_transaction: int) -> bool:
        boot, synced = self._noted()
        return boot == _boot_id() or synced == last_transaction

    def _synced(self) -> int:
        return self._noted()[1]

    def _noted(self) -> tuple[str, int]:
        """Which run of the machine wrote last, and its last transaction known to be on the disk."""
        try:
            boot, synced = (self._directory / "boot").read_text().split()
            return boot, int(synced)
        except FileNotFoundError:
            return "", 0
        except ValueError:  # torn by a power failure
            return "", -1

    def _note_boot(self, synced: int) -> None:
        """Note this run of the machine. Replaced at once, so that nobody reads half of it."""
        path = self._directory / "boot.new"
        path.write_text(f"{_boot_id()} {synced}\n")
        path.replace(self._directory / "boot")


def _boot_id() -> str:
    """Names this run of the machine. Where the system does not tell, all runs count as one."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return "unknown"


class _Turn:
    """One thread of one process at a time; given back by the kernel at every end of the process."""

    def __init__(self, path: Path) -> None:
        self._handle = _lock_file(path)
        # `flock` is the open file's: it does not tell the threads of one process apart.
        self._thread = threading.Lock()

    def __enter__(self) -> None:
        self._thread.acquire()
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX)
        except BaseException:
            self._thread.release()
            raise

    def __exit__(self, *_: object) -> None:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_UN)
        finally:
            self._thread.release()

    def close(self) -> None:
        """Close the file. Nobody may have the turn."""
        os.close(self._handle)


def _lock_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = _lock_file(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
