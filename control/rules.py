"""Rules over plain values: policies that parse, models that a list allows, aliases that lead somewhere."""

import re
from collections.abc import Callable, Iterable
from fnmatch import translate

POLICY = re.compile(
    r"[1-9][0-9]{0,17};w=[1-9][0-9]{0,8}(;u=(request|tokens|cents))?(;s=[^\s;,\x00-\x1f\x7f]{1,64})?",
    re.ASCII,
)
POLICY_FORM = "quota;w=seconds[;u=request|tokens|cents][;s=user|key|property-name]"
MAX_EXPANDED = 64


def check_policies(policies: tuple[str, ...]) -> tuple[str, ...]:
    """Return the policies, one each; a malformed one never means "no limit".

    Raises:
        ValueError: one is malformed.
    """
    single = tuple(part.strip() for policy in policies for part in policy.split(","))
    for index, policy in enumerate(single, 1):
        if POLICY.fullmatch(policy) is None:
            raise ValueError(f"policy {index} is not of the form {POLICY_FORM}")
    return single


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
    can put a fallback behind `gpt-4o`. At most `MAX_EXPANDED` models come out.
    """
    found: dict[str, None] = {}

    def visit(name: str, via: frozenset[str]) -> None:
        targets = None if name in via else lookup(name)
        if targets is None:
            if len(found) < MAX_EXPANDED:
                found[name] = None
            return
        for target in targets:
            if len(found) < MAX_EXPANDED:
                visit(target, via | {name})

    for name in models.split(","):
        if name := name.strip():
            visit(name, frozenset())
    return tuple(found)
