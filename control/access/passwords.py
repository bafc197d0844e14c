"""Passwords: kept as argon2id hashes, checked a few at a time.

A check takes as long for an address that nobody has as for one that somebody has.
"""

import asyncio
import functools
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import AfterValidator, SecretStr

from tallygate.control.api.errors import RefusedError
from tallygate.control.specs import Spec

T = TypeVar("T")
SHORTEST = 12
LONGEST = 1024
AT_ONCE = 2
"""Each takes 64 MiB and a core for some tens of milliseconds."""
MOST_WAITING = 32
_HASHER = PasswordHasher()
"""With the parameters of RFC 9106 for little memory."""


def _normal(password: SecretStr) -> SecretStr:
    """The same letters are the same password, whatever keyboard composed them.

    Raises:
        ValueError: too short or too long.
    """
    text = unicodedata.normalize("NFKC", password.get_secret_value())
    if not SHORTEST <= len(text) <= LONGEST:
        raise ValueError(f"a password has {SHORTEST} to {LONGEST} characters")
    return SecretStr(text)


Password = Annotated[SecretStr, AfterValidator(_normal)]


class NewSecret(Spec):
    """A password to keep."""

    password: Password


def hashed(password: str) -> str:
    """The hash to keep. Blocks."""
    return _HASHER.hash(password)


@functools.cache
def _nobodys() -> str:
    return hashed("there is no such user")


def matches(kept: str | None, password: str) -> bool:
    """Whether this is the password; never if none is kept, which takes as long. Blocks."""
    try:
        _HASHER.verify(kept or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def is_dated(kept: str) -> bool:
    """Whether a hash was made with other parameters than those of today."""
    return _HASHER.check_needs_rehash(kept)


class Checker:
    """Checks passwords in threads of its own, so that a flood of attempts costs bounded memory and time."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
        self._waiting = 0

    async def matches(self, kept: str | None, password: str) -> bool:
        """As the function.

        Raises:
            RefusedError: 503 if too many wait already.
        """
        return await self._run(partial(matches, kept, password))

    async def hashed(self, password: str) -> str:
        """As the function.

        Raises:
            RefusedError: 503 if too many wait already.
        """
        return await self._run(partial(hashed, password))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise RefusedError(503, "too_many_attempts", "too many sign in just now; try again soon")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
