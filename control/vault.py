"""Encryption at rest: AES-256-GCM under a key derived from the master key.

A sealed value is bound to its context (which row it belongs to), so that it opens nowhere else.
"""

import base64
import binascii
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tallygate.control.errors import MasterKeyError, SealError

KEY_BYTES = 32
NONCE_BYTES = 12  # SP 800-38D: 96 random bits are good for 2**32 values under one key
FORMAT: Final = b"\x01"


def parse_master_key(text: str, *, source: str) -> bytes:
    """Read a master key: 32 bytes in base64, of either alphabet.

    Raises:
        MasterKeyError: it isn't that; the message names `source`, not the text.
    """
    plain = text.strip().rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MasterKeyError(f"{source} is damaged: a master key is {KEY_BYTES} bytes in base64") from error
    if len(key) != KEY_BYTES:
        raise MasterKeyError(
            f"{source} is damaged: a master key is {KEY_BYTES} bytes in base64, and this is {len(key)}; "
            "`openssl rand -base64 32` makes one"
        )
    return key


def new_master_key() -> str:
    """A new master key, as text."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


class Vault:
    """Seals and opens values with one master key."""

    __slots__ = ("_cipher",)

    def __init__(self, master_key: bytes) -> None:
        derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"tallygate/seal/v1").derive(master_key)
        self._cipher = AESGCM(derived)

    def seal(self, plain: bytes, *, context: str) -> bytes:
        """Encrypt, bound to a context."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return FORMAT + nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, *, context: str) -> bytes:
        """Decrypt what was sealed for this context.

        Raises:
            SealError: it can't be opened.
        """
        start = len(FORMAT) + NONCE_BYTES
        if not sealed.startswith(FORMAT) or len(sealed) < start:
            raise SealError(f"{context}: not a sealed value of this release")
        try:
            return self._cipher.decrypt(sealed[len(FORMAT) : start], sealed[start:], context.encode())
        except InvalidTag as error:
            raise SealError(f"{context}: damaged, or sealed with another master key") from error
