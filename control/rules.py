"""Rules over plain values: models that a list allows, aliases that lead somewhere."""

import re
from collections.abc import Callable, Iterable
from fnmatch import translate

MAX_EXPANDED = 64
MAX_DEPTH = 16


def model_matcher(globs: Iterable[str]) -> Callable[[str], bool]:
    """A test of model names against globs, without case. No globs allow everything."""
    patterns = [translate(glob.lower()) for glob in globs]
    if not patterns:
        return lambda _name: True
    matches = re.compile("|".join(patterns)).match
    return lambda name: matches(name.lower()) is not None


def expand(models: str, lookup: Callable[[str], tuple[str, ...] | None]) -> tuple[str, ...]:
    """Resolve a comma list of models and aliases into models, in order, each once.

    An alias that leads back to itself there stands for the model of that name, so that an alias `gpt-4o`
    can put a fallback behind `gpt-4o`. At most `MAX_EXPANDED` models come out, through at most `MAX_DEPTH`
    aliases.
    """
    found: dict[str, None] = {}
    expanded: set[str] = set()

    def visit(name: str, via: frozenset[str]) -> None:
        targets = None if name in via or len(via) >= MAX_DEPTH else lookup(name)
        if targets is None:
            found[name] = None
        elif name not in expanded:
            expanded.add(name)
            for target in targets:
                visit(target, via | {name})

    for name in models.split(","):
        if name := name.strip():
            visit(name, frozenset())
    return tuple(found)[:MAX_EXPANDED]
