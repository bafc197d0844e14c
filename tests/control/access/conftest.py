"""Passwords are hashed with little effort here, so that the tests are quick."""

import pytest
from argon2 import PasswordHasher

from tallygate.control.access import passwords


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the least memory and time that argon2 takes."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobodys.cache_clear()
