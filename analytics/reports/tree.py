"""Steps as a tree: `/plan/search` is below `/plan`. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tallygate.analytics.models import ApiModel, Totals
from tallygate.analytics.reports.series import NOTHING, added


class Step(ApiModel):
    """A step; the root, whose path is empty, has the calls that name no step."""

    path: str
    name: str
    """The last part of the path."""
    own: Totals
    """Of the calls of this very step."""
    total: Totals
    """Of these, and of all steps below."""
    request_ids: list[str]
    """Of this very step, in the order of their arrival; of workflows not told."""
    steps: list["Step"]


MAX_DEPTH = 32
"""Of what is deeper, the steps are told as one level."""


def step_tree(own: Mapping[str, Totals], request_ids: Mapping[str, Sequence[str]]) -> Step:
    """The tree of the steps that have calls, and those above them; each level in the order of `own`."""
    below: dict[str, dict[str, None]] = {}
    for path in own:
        parts = _parts(path)
        for depth in range(len(parts)):
            below.setdefault("/".join(parts[:depth]), {})["/".join(parts[: depth + 1])] = None
    by_path: dict[str, list[str]] = {}
    for path in own:
        by_path.setdefault("/".join(_parts(path)), []).append(path)
    return _step("", below, _merged(own, by_path), _joined(request_ids, by_path))


def _step(
    path: str, below: Mapping[str, Mapping[str, Any]], own: Mapping[str, Totals], ids: Mapping[str, list[str]]
) -> Step:
    steps = [_step(each, below, own, ids) for each in below.get(path, ())]
    mine = own.get(path, NOTHING)
    return Step(
        path=f"/{path}" if path else "",
        name=path.rpartition("/")[2],
        own=mine,
        total=added([mine, *(step.total for step in steps)]),
        request_ids=ids.get(path, []),
        steps=steps,
    )


def _parts(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part]
    return parts if len(parts) <= MAX_DEPTH else [*parts[: MAX_DEPTH - 1], "…"]


def _merged(own: Mapping[str, Totals], by_path: Mapping[str, Iterable[str]]) -> dict[str, Totals]:
    """Paths that are written otherwise (`plan`, `/plan/`) are one step."""
    return {path: added([own[each] for each in written]) for path, written in by_path.items()}


def _joined(ids: Mapping[str, Sequence[str]], by_path: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    return {path: [id_ for each in written for id_ in ids.get(each, ())] for path, written in by_path.items()}
