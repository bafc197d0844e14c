"""Sealed values open with their key and context only."""

import base64
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.control.errors import MasterKeyError, SealError
from tallygate.control.vault import KEY_BYTES, Vault, new_master_key, parse_master_key

KEY = bytes(range(KEY_BYTES))
VAULT = Vault(KEY)


@given(st.binary(max_size=200), st.text(max_size=20))
def test_opens_what_it_sealed(plain: bytes, context: str) -> None:
    assert VAULT.open(VAULT.seal(plain, context=context), context=context) == plain


def test_seals_differently_each_time_and_hides() -> None:
    plain = b"sk-provider-secret"
    sealed = {VAULT.seal(plain, context="row") for _ in range(50)}
    assert len(sealed) == 50
    assert not any(plain in one for one in sealed)


def test_refuses_another_context_or_key() -> None:
    sealed = VAULT.seal(b"secret", context="credential a")
    with pytest.raises(SealError, match="credential b"):
        VAULT.open(sealed, context="credential b")
    with pytest.raises(SealError):
        Vault(secrets.token_bytes(KEY_BYTES)).open(sealed, context="credential a")


def test_refuses_any_changed_or_cut_byte() -> None:
    sealed = VAULT.seal(b"secret", context="row")
    broken = [sealed[:index] + bytes([byte ^ 1]) + sealed[index + 1 :] for index, byte in enumerate(sealed)]
    broken += [sealed[:length] for length in range(len(sealed))] + [sealed + b"\0"]
    for one in broken:
        with pytest.raises(SealError):
            VAULT.open(one, context="row")


@given(st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES))
def test_reads_a_master_key_in_either_alphabet(key: bytes) -> None:
    url_safe, plain = base64.urlsafe_b64encode(key).decode(), base64.b64encode(key).decode()
    for text in (url_safe, plain, plain.rstrip("="), f"  {url_safe}\n"):
        assert parse_master_key(text, source="here") == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "secret",
        "not base64 at all!",
        "é" * 43,
        pytest.param(new_master_key()[:-3], id="cut"),
        pytest.param(new_master_key() + "AAAA", id="lengthened"),
        "A" * 42,
    ],
)
def test_refuses_a_damaged_master_key_without_repeating_it(text: str) -> None:
    with pytest.raises(MasterKeyError, match=r"^the file is damaged: .* 32 bytes in base64") as caught:
        parse_master_key(text, source="the file")
    assert len(text) < 6 or text not in str(caught.value)


def test_new_master_keys_are_readable_and_differ() -> None:
    made = {parse_master_key(new_master_key(), source="new") for _ in range(20)}
    assert len(made) == 20
