"""Where the master key comes from: the settings, else a file that only its owner may read."""

import os
import secrets
from pathlib import Path

from pydantic import SecretStr

from tallygate.control.errors import MasterKeyError
from tallygate.control.vault import new_master_key, parse_master_key

FILE_NAME = "master.key"
SETTING = "TALLYGATE_MASTER_KEY"


def read(configured: SecretStr | None, path: Path) -> bytes | None:
    """The master key, or None if there is none yet.

    Raises:
        MasterKeyError: there is one that can't be used. It is never replaced.
    """
    if configured is not None:
        return parse_master_key(configured.get_secret_value(), source=SETTING)
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(4096)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MasterKeyError(f"{path} can't be read: {error.strerror}") from error
    if mode & 0o077:
        raise MasterKeyError(f"{path} may be read by others: chmod 600 {path}")
    return parse_master_key(raw.decode("ascii", "replace"), source=str(path))


def create(path: Path) -> bytes:
    """Make a master key file, or read the one that another process made just before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(new_master_key() + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link either appears whole or fails because the file exists: nobody ever reads half a key.
        os.link(temporary, path)
    except FileExistsError:
        pass
    except OSError as error:
        raise MasterKeyError(f"{path} can't be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
    key = read(None, path)
    if key is None:
        raise MasterKeyError(f"{path} was removed while it was made")
    return key
