"""The last snapshot that an edge had, sealed on its disk: what it starts from while the store is down."""

import contextlib
import logging
import os
import secrets
from pathlib import Path

from pydantic import ValidationError

from tallygate.control.dump import Dump
from tallygate.control.errors import SealError
from tallygate.control.vault import Vault

log = logging.getLogger(__name__)
FILE_NAME = "snapshot.bin"
CONTEXT = "snapshot"


class LastKnown:
    """The file. Several edges of one data directory write the same thing: the last one wins, whole."""

    def __init__(self, path: Path, vault: Vault) -> None:
        self._path = path
        self._vault = vault

    def save(self, dump: Dump) -> None:
        """Replace the file. A failure is logged: the running edge doesn't need it."""
        sealed = self._vault.seal(dump.model_dump_json().encode(), context=CONTEXT)
        temporary = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except OSError as error:
            log.warning("the last-known copy of the control data wasn't written: %s", error)
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def load(self) -> Dump | None:
        """What was saved last; None, logged, if there is nothing that can be used."""
        try:
            plain = self._vault.open(self._path.read_bytes(), context=CONTEXT)
            return Dump.model_validate_json(plain)
        except FileNotFoundError:
            return None
        except (OSError, SealError) as error:
            log.warning("the last-known copy of the control data can't be used: %s", error)
        except ValidationError as error:
            log.warning(
                "the last-known copy of the control data is of another release: %d errors",
                error.error_count(),
            )
        return None
