"""Mistakes in the configuration, each as one line that says what to do. Pure."""

import difflib
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

PREFIX = "TALLYGATE_"
FOREIGN = frozenset({"TALLYGATE_REQUIRE_ALL"})
"""Variables of the test suite."""


def describe(errors: Iterable[Mapping[str, Any]], model: type[BaseModel]) -> list[str]:
    """A line for each of pydantic's errors: field, variable, what is wrong, and the field that was meant."""
    return [_line(error, model) for error in errors]


def unknown_variables(names: Iterable[str], model: type[BaseModel]) -> list[str]:
    """A line for each `TALLYGATE_…` variable that is no setting."""
    lines = []
    for name in sorted(names):
        if not name.startswith(PREFIX) or name in FOREIGN:
            continue
        path = name.removeprefix(PREFIX).lower().split("__")
        fields = field_names(model)
        if path[0] not in fields:
            lines.append(f"{name}: there is no such setting{_meant(path[0], fields, PREFIX)}")
    return lines


def field_names(model: type[BaseModel], path: Sequence[str | int] = ()) -> list[str]:
    """Names of the fields below a place in the settings; empty where names are free."""
    for part in path:
        field = model.model_fields.get(str(part))
        section = None if field is None else _section(field.annotation)
        if section is None:
            continue  # a name in a mapping of sections
        model = section
    return list(model.model_fields)


def _line(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    path = tuple(error["loc"])
    where = ".".join(str(part) for part in path) or "settings"
    variable = PREFIX + "__".join(str(part).upper() for part in path)
    if error["type"] == "extra_forbidden":
        name = str(path[-1])
        return f"{where}: there is no such setting{_meant(name, field_names(model, path[:-1]), '')}"
    return f"{where} ({variable}): {error['msg']}"


def _meant(name: str, fields: Sequence[str], prefix: str) -> str:
    near = difflib.get_close_matches(name, fields, n=1, cutoff=0.5)
    if near:
        shown = prefix + near[0].upper() if prefix else near[0]
        return f"; did you mean {shown}?"
    return f"; there are {', '.join(fields)}" if fields and not prefix else ""


def _section(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds, directly or by name."""
    if get_origin(annotation) in (dict, Union, types.UnionType):
        return next((found for part in get_args(annotation) if (found := _section(part))), None)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
