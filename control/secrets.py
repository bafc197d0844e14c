"""Secrets that Tallygate gives out, and the little of them that it keeps.

A secret has 256 random bits, so a plain SHA-256 of it can't be searched for: a slow hash would cost every
request and add nothing.
"""

import hashlib
import secrets
from typing import Final

import uuid_utils

KEY_PREFIX: Final = "tg-"
ADMIN_PREFIX: Final = "tg-admin-"
API_PREFIX: Final = "tg-api-"
SESSION_PREFIX: Final = "tg-session-"
SECRET_BYTES = 32
SHOWN_CHARS = 4
SHORTEST_SHOWN_FROM = 16
"""Of a secret shorter than this, nothing is shown: its tail would be too much of it."""


def new_secret(prefix: str) -> str:
    """A new secret, to be shown once."""
    return prefix + secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> bytes:
    """What is kept of a secret, and looked up by. HTTP headers may decode to surrogates: no error here."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def last4(secret: str) -> str:
    """The tail of a secret, by which a person recognises it."""
    return secret[-SHOWN_CHARS:] if len(secret) >= SHORTEST_SHOWN_FROM else ""


def new_id(kind: str) -> str:
    """A public id such as `key_0193…`; ids sort by the time they were made."""
    return f"{kind}_{uuid_utils.uuid7().hex}"
