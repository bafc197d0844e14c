"""Named secrets of a row, sealed together, for that row only."""

from collections.abc import Mapping

import orjson
from pydantic import SecretStr

from tallygate.control.vault import Vault


def seal_secrets(secrets: Mapping[str, SecretStr], vault: Vault, *, context: str) -> bytes:
    """Seal them; `context` names the row."""
    plain = orjson.dumps({name: secret.get_secret_value() for name, secret in secrets.items()})
    return vault.seal(plain, context=context)


def open_secrets(sealed: bytes, vault: Vault, *, context: str) -> dict[str, SecretStr]:
    """Open them.

    Raises:
        SealError: they are damaged, or of another row or master key.
    """
    plain = vault.open(sealed, context=context)
    return {name: SecretStr(secret) for name, secret in orjson.loads(plain).items()}
