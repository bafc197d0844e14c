"""Globs and aliases as plain values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallygate.control.rules import MAX_DEPTH, MAX_EXPANDED, expand, model_matcher


@pytest.mark.parametrize(
    ("globs", "model", "allowed"),
    [
        ((), "anything", True),
        (("gpt-4o",), "gpt-4o", True),
        (("gpt-4o",), "gpt-4o-mini", False),
        (("gpt-4o*",), "GPT-4o-mini", True),
        (("GPT-4o*",), "gpt-4o-mini", True),
        (("claude-*", "gpt-4o"), "claude-sonnet-4-5", True),
        (("gpt-4.",), "gpt-4x", False),
        (("gpt-[45]*",), "gpt-5", True),
        (("gpt-4o",), "gpt-4o\n", False),
        (("*",), "", True),
    ],
)
def test_globs(globs: tuple[str, ...], model: str, allowed: bool) -> None:
    assert model_matcher(globs)(model) is allowed


def test_aliases_expand_in_order_and_once() -> None:
    aliases = {
        "fast": ("gpt-4o-mini", "haiku"),
        "haiku": ("anthropic/claude-haiku",),
        "gpt-4o": ("gpt-4o", "fast"),
    }
    assert expand(" fast , gpt-4o,,fast,x ", aliases.get) == (
        "gpt-4o-mini",
        "anthropic/claude-haiku",
        "gpt-4o",
        "x",
    )
    assert expand("", aliases.get) == ()


def test_aliases_of_aliases_take_no_long_time() -> None:
    everything = tuple(f"alias-{index}" for index in range(100))
    assert len(expand("alias-0", dict.fromkeys(everything, everything).get)) == MAX_EXPANDED
    chain = {f"alias-{index}": (f"alias-{index + 1}",) for index in range(5000)}
    assert expand("alias-0", chain.get) == (f"alias-{MAX_DEPTH}",)


names = st.sampled_from("abcdefgh")


@given(
    st.dictionaries(names, st.lists(names, min_size=1, max_size=8).map(tuple)), st.lists(names, max_size=5)
)
def test_any_aliases_end_in_few_distinct_names(aliases: dict[str, tuple[str, ...]], asked: list[str]) -> None:
    found = expand(",".join(asked), aliases.get)
    assert len(found) == len(set(found)) <= MAX_EXPANDED
    assert set(asked) - set(aliases) <= set(found)
    assert not asked or found
