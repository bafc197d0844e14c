"""Texts and their token counts: deterministic, so that a test can compute what comes out. Pure."""

import hashlib
import re
from typing import Any

TOKEN = re.compile(r"\w+|[^\w\s]")
VOCABULARY = (
    "the ledger shows every call with its price and the team that made it so a budget is a number "
    "that people can trust when a model answers slowly or a provider fails we still know what was spent "
    "who asked and why it happened because each event waits on disk until somebody has counted it once"
)
WORDS = VOCABULARY.split()
SENTENCE_TOKENS = 12


def count(text: str) -> int:
    """Number of tokens: words and punctuation marks."""
    return len(TOKEN.findall(text))


def pieces(seed: str, tokens: int) -> list[str]:
    """Write a text of exactly that many tokens, one piece each; the seed chooses the words."""
    at = int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=4).digest(), "big")
    return [_piece(at, index) for index in range(tokens)]


def _piece(at: int, index: int) -> str:
    place = index % SENTENCE_TOKENS
    if place == SENTENCE_TOKENS - 1:
        return "."
    word = WORDS[(at + index) % len(WORDS)]
    if place == 0:
        word = word.capitalize()
    return word if index == 0 else f" {word}"


def grouped(parts: list[str], groups: int) -> list[str]:
    """Join pieces into about as many groups as wanted; one piece each if 0."""
    if groups <= 0 or groups >= len(parts):
        return parts
    size = -(-len(parts) // groups)
    return ["".join(parts[at : at + size]) for at in range(0, len(parts), size)]


def strings(value: Any) -> str:
    """All the text inside a piece of JSON that a model would read: values, not names of fields."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return " ".join(filter(None, map(strings, value)))
    if isinstance(value, dict):
        skipped = ("role", "type", "id", "url", "data", "media_type", "mimeType", "cache_control")
        return " ".join(filter(None, (strings(item) for key, item in value.items() if key not in skipped)))
    return ""
