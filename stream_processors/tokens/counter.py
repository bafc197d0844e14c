"""Counting the tokens of a text: by tiktoken once its vocabulary is there, by approximation until then.

tiktoken reads a vocabulary from its cache directory (`TIKTOKEN_CACHE_DIR`) and else downloads it, without a
time limit. So it is loaded by a thread of its own at the first estimate, and no one waits for that thread:
without a network every estimate is an approximation, and nothing stalls or fails.
"""

import logging
import threading
from typing import Protocol

from tallygate.stream_processors.tokens.approximate import approximate_tokens

log = logging.getLogger(__name__)

MAX_EXACT_CHARS = 1 << 18
"""A longer text is counted up to here and scaled: a bound on the time one estimate can take."""
_OLDER_MODELS = ("gpt-3.5", "gpt-4-", "text-embedding-", "davinci", "babbage")


class Vocabulary(Protocol):
    """The part of `tiktoken.Encoding` used here."""

    def encode_ordinary(self, text: str) -> list[int]:
        """Tokens of a text; special tokens are taken as text."""
        ...


def encoding_name(model: str) -> str:
    """The encoding of a model; o200k_base for those of other makers, whose vocabularies are not public."""
    name = model.rpartition("/")[2]
    older = name == "gpt-4" or name.startswith(_OLDER_MODELS)
    return "cl100k_base" if older else "o200k_base"


class TokenCounter:
    """Counts tokens. Never raises and never waits for a file or the network."""

    def __init__(self, *, load: bool = True, vocabularies: dict[str, Vocabulary] | None = None) -> None:
        """`load`: get vocabularies by tiktoken in the background; else only those given are used."""
        self._load = load
        self._vocabularies = dict(vocabularies or {})
        self._asked: set[str] = set()

    def count(self, text: str, model: str = "") -> int:
        """Estimate the number of tokens of a text for a model."""
        name = encoding_name(model)
        vocabulary = self._vocabularies.get(name)
        if vocabulary is None:
            self._ask_for(name)
            return approximate_tokens(text)
        if len(text) <= MAX_EXACT_CHARS:
            return len(vocabulary.encode_ordinary(text))
        tokens = len(vocabulary.encode_ordinary(text[:MAX_EXACT_CHARS]))
        return tokens * len(text) // MAX_EXACT_CHARS

    def _ask_for(self, name: str) -> None:
        if self._load and name not in self._asked:
            self._asked.add(name)
            threading.Thread(target=self._fetch, args=(name,), name=f"tiktoken-{name}", daemon=True).start()

    def _fetch(self, name: str) -> None:
        try:
            import tiktoken

            self._vocabularies[name] = tiktoken.get_encoding(name)
        except (ImportError, OSError, ValueError) as error:  # requests' errors are OSErrors
            log.warning("%s is not available (%s): token estimates are approximations", name, error)
